import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { sessionOf, statFields } from "../../src/os/processes.ts";
import { eventually, Rig } from "./daemon-rig.ts";

test("start returns when it is ready, in a session of its own, and stop when it has ended", async (context) => {
  const rig = await Rig.open(context);
  const started = await rig.verb("start", "--daemon");
  assert.equal(started.code, 0, started.stderr);
  const pid = rig.pid() ?? 0;
  assert.equal(started.stdout, `mydaemon: started, process ${pid}\n`);
  assert.equal(await rig.get(), `hello from ${pid}\n`);
  assert.equal(sessionOf(pid), pid);
  assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/");
  assert.equal(readlinkSync(`/proc/${pid}/fd/0`), "/dev/null");
  assert.equal(statFields(pid)?.state === "Z", false);

  const status = await rig.verb("status", "--json");
  assert.equal(status.code, 0);
  const { running, state, listeners } = JSON.parse(status.stdout);
  assert.deepEqual([running, state, listeners.length], [true, "ready", 2]);

  assert.deepEqual(await rig.verb("stop"), { code: 0, stdout: "mydaemon: stopped\n", stderr: "" });
  assert.equal(existsSync(rig.path("run/mydaemon.pid")), false);
  assert.deepEqual(await rig.verb("status"), { code: 3, stdout: "mydaemon: not running\n", stderr: "" });
  assert.equal((await rig.verb("stop")).code, 0);
});

test("a second instance never starts, and says which one runs", async (context) => {
  const rig = await Rig.open(context);
  await rig.verb("start", "--daemon");
  const second = await rig.verb("start", "--daemon");
  assert.equal(second.code, 1);
  assert.match(
    second.stderr,
    new RegExp(`^error: Cannot start mydaemon: it runs already as process ${rig.pid()}\nhint: `),
  );
  const foreground = await rig.verb("run", "--pid-file", rig.path("run/mydaemon.pid"));
  assert.match(foreground.stderr, /held by process/);
});

test("of many starts at the same time exactly one succeeds", async (context) => {
  const rig = await Rig.open(context);
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => rig.verb("start", "--daemon")));
  assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 1, 1, 1]);
});

for (const [what, content] of [
  ["of a process that is gone", "4194303\n"],
  ["of a process that is none of ours", "1\n"],
  ["with nonsense in it", "what?\n"],
] as const) {
  test(`a stale PID file ${what} never blocks a start`, async (context) => {
    const rig = await Rig.open(context);
    mkdirSync(rig.path("run"));
    writeFileSync(rig.path("run/mydaemon.pid"), content);
    assert.equal((await rig.verb("status")).code, 3);
    assert.equal((await rig.verb("start", "--daemon")).code, 0);
  });
}

test("after kill -9 it starts again", async (context) => {
  const rig = await Rig.open(context);
  await rig.verb("start", "--daemon");
  const first = rig.pid() ?? 0;
  process.kill(first, "SIGKILL");
  await eventually(async () => (await rig.verb("status")).code === 3, "the killed one is noticed");
  assert.equal((await rig.verb("start", "--daemon")).code, 0);
  assert.notEqual(rig.pid(), first);
});

test("a start that fails prints the error of the child and returns its exit code", async (context) => {
  const rig = await Rig.open(context, { log_level: "loud" });
  const { code, stderr } = await rig.verb("start", "--daemon");
  assert.equal(code, 78);
  assert.match(
    stderr,
    /^error: Cannot use ".*": log_level: .*\nhint: .*\nerror: mydaemon did not start \(exit code 78\)/,
  );
  assert.equal(rig.pid(), undefined);
});

for (const [what, args, refusal] of [
  [
    "its output",
    ["--output", "/dev/null/no/app.out"],
    /^error: Cannot open "\/dev\/null\/no\/app.out": ENOTDIR\nhint: /,
  ],
  [
    "its PID file",
    ["--pid-file", "/dev/null/no/app.pid"],
    /error: Cannot write PID file "\/dev\/null\/no\/app.pid": ENOTDIR\nhint: /,
  ],
] as const) {
  test(`a directory that cannot be written to for ${what} is said in a sentence`, async (context) => {
    const rig = await Rig.open(context);
    const { code, stderr } = await rig.verb("start", "--daemon", ...args);
    assert.equal(code, 1);
    assert.match(stderr, refusal);
    assert.doesNotMatch(stderr, /^ +at /m);
  });
}

test("reload waits for the outcome, good or bad", async (context) => {
  const rig = await Rig.open(context);
  await rig.verb("start", "--daemon");
  rig.configure({ greeting: "good day" });
  assert.deepEqual(await rig.verb("reload"), { code: 0, stdout: "mydaemon: reloaded\n", stderr: "" });
  rig.configure({ worker_count: 0 });
  const bad = await rig.verb("reload");
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /^error: Cannot use .*worker_count/);
  assert.match((await rig.verb("status")).stdout, /reloads {3}\d+, the last one failed: /);
});

test("restart gives a new process, and starts what is not running", async (context) => {
  const rig = await Rig.open(context);
  assert.equal((await rig.verb("restart")).code, 0);
  const first = rig.pid();
  assert.equal((await rig.verb("restart")).code, 0);
  assert.notEqual(rig.pid(), first);
});

test("a verb that does not exist and an option that is wrong are usage errors", async (context) => {
  const rig = await Rig.open(context);
  assert.equal((await rig.verb("dance")).code, 2);
  assert.equal((await rig.verb("start", "--loud")).code, 2);
  assert.match((await rig.verb("--help")).stdout, /^usage: mydaemon/);
});

for (const type of ["notify", "forking"]) {
  test(`the ${type} unit it installs is accepted by systemd-analyze`, async (context) => {
    if (spawnSync("systemd-analyze", ["--version"]).status !== 0) return context.skip("systemd-analyze is not here");
    const rig = await Rig.open(context);
    const { stdout } = await rig.verb("install", "--print", "--type", type, "--user", "daemon");
    assert.match(stdout, new RegExp(`Type=${type}`));
    const unit = rig.path("mydaemon.service");
    writeFileSync(unit, stdout);
    const verified = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
    assert.equal(
      verified.stderr
        .split("\n")
        .filter((line) => line.includes("mydaemon"))
        .join("\n"),
      "",
    );
    assert.equal(verified.status, 0);
  });
}
