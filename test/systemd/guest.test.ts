/** Runs inside the guest, as root, beside the systemd that it asks. See run.ts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const node = "/opt/node";
const main = "/opt/main.js";
const unit = "mydaemon.service";
const admin = { headers: { authorization: "Bearer change me", connection: "close" } };

function run(command: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

function systemctl(...args: string[]): void {
  const { status, output } = run("systemctl", ...args);
  const journal = status === 0 ? "" : run("journalctl", "-u", unit, "-n", "30", "--no-pager").output;
  assert.equal(status, 0, `systemctl ${args.join(" ")}: ${output}\n${journal}`);
}

function property(name: string): string {
  return run("systemctl", "show", unit, "-P", name).output.trim();
}

/** Over a new connection: while we wait for systemctl, nobody notices that a kept one was ended. */
async function greeting(): Promise<string> {
  return (await fetch("http://127.0.0.1:8080/", { headers: { connection: "close" } })).text();
}

async function eventually(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await Promise.resolve(isSo()).catch(() => false))) {
    if (performance.now() > deadline)
      throw new Error(`not in time: ${what}\n${run("systemctl", "status", unit).output}`);
    await sleep(100);
  }
}

function configure(config: object): void {
  mkdirSync("/etc/mydaemon", { recursive: true });
  writeFileSync("/etc/mydaemon/config.json", JSON.stringify({ max_memory: 900, worker_count: 1, ...config }));
}

function install(type: string, more = ""): void {
  const { status, output } = run(node, main, "install", "--type", type);
  assert.equal(status, 0, output);
  if (more) {
    mkdirSync(`/run/systemd/system/${unit}.d`, { recursive: true });
    writeFileSync(`/run/systemd/system/${unit}.d/more.conf`, more);
  }
  systemctl("daemon-reload");
  const verified = run("systemd-analyze", "verify", `/etc/systemd/system/${unit}`);
  assert.equal(verified.status, 0, verified.output);
}

beforeEach(() => configure({}));

afterEach(() => {
  run("systemctl", "stop", "mydaemon.socket", unit);
  run("systemctl", "reset-failed");
  rmSync(`/run/systemd/system/${unit}.d`, { recursive: true, force: true });
  rmSync("/run/systemd/system/mydaemon.socket", { force: true });
});

for (const type of ["notify", "forking"]) {
  test(`Type=${type}: start, status, reload, restart and stop behave`, async () => {
    install(type);
    systemctl("start", unit);
    const pid = property("MainPID");
    assert.equal(property("ActiveState"), "active");
    assert.equal(await greeting(), `hello from ${pid}\n`);
    assert.equal(run("systemctl", "status", unit).status, 0);
    if (type === "notify") assert.match(property("StatusText"), /^ready: health .*8081, http .*8080$/);

    configure({ greeting: "good day" });
    systemctl("reload", unit);
    await eventually(async () => (await greeting()) === `good day from ${pid}\n`, "the new greeting");
    await eventually(() => property("ActiveState") === "active", "the end of the reload");
    assert.equal(property("MainPID"), pid);

    systemctl("restart", unit);
    assert.notEqual(property("MainPID"), pid);
    assert.match(await greeting(), /^good day/);
    systemctl("stop", unit);
    assert.deepEqual(
      [property("ActiveState"), property("Result"), property("ExecMainStatus")],
      ["inactive", "success", "0"],
    );
  });

  test(`Type=${type}: kill -9 is recovered from`, async () => {
    install(type);
    systemctl("start", unit);
    const pid = property("MainPID");
    systemctl("kill", "-s", "KILL", unit);
    await eventually(
      () => property("ActiveState") === "active" && !["0", pid].includes(property("MainPID")),
      "a new one",
    );
    await eventually(async () => (await greeting()).startsWith("hello"), "an answer");
    assert.equal(property("NRestarts"), "1");
  });

  test(`Type=${type}: an upgrade in place makes the new process the main one`, async () => {
    install(type);
    systemctl("start", unit);
    const pid = property("MainPID");
    systemctl("kill", "--kill-who=main", "-s", "USR2", unit);
    await eventually(() => !["0", pid].includes(property("MainPID")), "another main process");
    await eventually(async () => (await greeting()) === `hello from ${property("MainPID")}\n`, "its answer");
    await eventually(() => !run("ps", "-o", "pid=", "-p", pid).output.trim(), "the end of the old one");
    assert.deepEqual([property("ActiveState"), property("NRestarts")], ["active", "0"]);
    systemctl("stop", unit);
    const journal = run("journalctl", "-u", unit, "-n", "30", "--no-pager").output;
    assert.equal(property("Result"), "success", journal);
    // systemd waits only for its own children, and kills others at once.
    assert.doesNotMatch(journal, /not our child|Killing process/);
  });
}

test("a start that fails is reported with its exit code, and a bad configuration is not tried again", async () => {
  configure({ worker_count: 0 });
  install("notify");
  assert.notEqual(run("systemctl", "start", unit).status, 0);
  await eventually(() => property("ActiveState") === "failed", "the failure");
  assert.deepEqual([property("ExecMainStatus"), property("NRestarts")], ["78", "0"]);
});

test("a reload to a bad configuration keeps the old one, and says so in the status", async () => {
  install("notify");
  systemctl("start", unit);
  configure({ log_level: "loud" });
  systemctl("reload", unit);
  await eventually(() => property("StatusText").startsWith("reload failed: Cannot use"), "the status text");
  assert.equal(property("ActiveState"), "active");
  assert.match(await greeting(), /^hello/);
});

test("a blocked event loop trips the watchdog, and the service comes back", async () => {
  install("notify", "[Service]\nWatchdogSec=4\n");
  systemctl("start", unit);
  const pid = property("MainPID");
  await sleep(5_000);
  assert.equal(property("MainPID"), pid, "it lives while it feeds the watchdog");
  await fetch("http://127.0.0.1:8080/admin/block", admin).then((answer) => answer.text());
  await eventually(() => property("NRestarts") === "1" && property("ActiveState") === "active", "the restart");
  const journal = run("journalctl", "-u", unit, "--no-pager").output;
  assert.match(journal, /Watchdog timeout/);
  assert.match(await greeting(), /^hello/);
});

test("socket activation: the first connection starts it, and a restart refuses none", async () => {
  install("notify");
  const socket = "[Socket]\nListenStream=8080\nFileDescriptorName=http\n";
  writeFileSync("/run/systemd/system/mydaemon.socket", socket);
  systemctl("daemon-reload");
  systemctl("start", "mydaemon.socket");
  assert.equal(property("ActiveState"), "inactive");
  assert.match(await greeting(), /^hello/);
  const restarted = (async () => systemctl("restart", unit))();
  for (let round = 0; round < 20; round += 1) assert.match(await greeting(), /^hello/);
  await restarted;
});
