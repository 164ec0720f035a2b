/** Every way of becoming ready with a real program, and what happens when it does not. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";
import { createRig, program } from "./rig.ts";

test("each way of readiness is waited for", async () => {
  await using rig = createRig();
  const [own, http, tcp] = [await freePort(), await freePort(), await freePort()];
  const server = (port: number) => ["node", program("listens.js"), String(port), "200"];
  const flag = `${rig.directory}/flag`;
  const late = (action: string) => ({ command: `sleep 0.2; ${action}; exec sleep 1000`, shell: true });
  await rig.up({
    started: { command: "sleep 1000" },
    notify: { command: program("notify-ready.sh"), ready: "notify" },
    fd: { ...late("echo >&7"), ready: "fd:7" },
    listening: { command: server(own), ready: "listening" },
    http: { command: server(http), ready: { http: `http://127.0.0.1:${http}/` } },
    tcp: { command: server(tcp), ready: { tcp: `127.0.0.1:${tcp}` } },
    exec: { ...late(`: >${flag}`), ready: { exec: `test -e ${flag}` } },
    log: { ...late("echo serving on port 1"), ready: { log: "^serving on port \\d+$" } },
    delay: { command: "sleep 1000", ready: { delay: "200ms" } },
  });
  const instances = await rig.client.instances();
  assert.deepEqual(
    instances.filter(({ state, ready }) => state !== "up" || !ready).map(({ service }) => service),
    [],
  );
  const ready = await rig.events({ type: "became_ready" });
  assert.equal(ready.length, 9);
  // Those that say it at once may need longer than these, where the machine is busy.
  for (const { service, afterMs } of ready.filter(({ service }) => service !== "started" && service !== "notify")) {
    assert.ok(Number(afterMs) >= 190, `${service} became ready after ${afterMs} ms`);
  }
  assert.equal((await rig.instance("notify")).statusText, "serving since now");
});

for (const [way, ready] of Object.entries({
  notify: "notify",
  fd: "fd:3",
  listening: "listening",
  http: { http: "http://127.0.0.1:9/" },
  tcp: { tcp: "127.0.0.1:9" },
  exec: { exec: "false" },
  log: { log: "never said" },
})) {
  test(`a program that never becomes ready by ${way} fails the start after the timeout (P15)`, async () => {
    await using rig = createRig();
    const timed = typeof ready === "string" ? { [way]: way === "fd" ? 3 : true } : ready;
    const command = "echo alive, and silent about it; exec sleep 1000";
    rig.configure({ web: { command, shell: true, ready: { ...timed, timeout: "2s" }, restart: { policy: "never" } } });
    const { code, stderr } = await rig.fails("up");
    assert.equal(code, 1);
    assert.match(stderr, /^error: Cannot bring up "web": web\/0 is failed: not ready within 2000 ms$/m);
    assert.match(stderr, /\| alive, and silent about it$/m, "its last lines are shown");
    assert.match(stderr, /^hint: See what it wrote with `lares logs web`\.$/m);
    const timedOut = await rig.event({ type: "readiness_timed_out", service: "web" });
    assert.match(timedOut.cause ?? "", new RegExp(`^not ready \\(${way}\\) within \\d+ ms$`));
    const { state, pid, exit } = await rig.instance("web");
    assert.deepEqual([state, pid, exit?.signal], ["failed", null, "SIGTERM"]);
  });
}

test("EXTEND_TIMEOUT_USEC gives a slow start more time", async () => {
  await using rig = createRig();
  const steps = ["EXTEND_TIMEOUT_USEC=60000000", "sleep:2.5", "READY=1", "wait"];
  await rig.up({ web: { command: [program("notifies.sh"), ...steps], ready: { notify: true, timeout: "2s" } } });
  assert.equal((await rig.instance("web")).state, "up");
});

test("STATUS is shown, and STOPPING is a stop of its own", async () => {
  await using rig = createRig();
  const steps = ["READY=1", "STATUS=working hard", "STOPPING=1", "wait"];
  const service = { ready: "notify", restart: { policy: "never" }, stop: { grace: "5m" } };
  await rig.begin({ web: { command: [program("notifies.sh"), ...steps], ...service } });
  const stopping = await rig.becomes("web", { state: "stopping" });
  assert.equal(stopping.statusText, "working hard");
  assert.match(stopping.reason ?? "", /itself/);
  process.kill(stopping.pid ?? 0, "SIGTERM");
  await rig.becomes("web", { pid: null });
});

test("MAINPID makes another process of the service the one that is watched", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: program("main-pid.sh"), ready: "notify", restart: { policy: "never" } } });
  const spawned = await rig.event({ type: "spawned", service: "web" });
  const pid = await rig.pid("web");
  assert.notEqual(pid, spawned.pid);
  process.kill(pid, "SIGUSR1");
  const { exit } = await rig.becomes("web", { state: "failed" });
  // Its parent, the script, reaps it: what the kernel can still tell depends on its version.
  if (exit?.status === "known") assert.equal(exit.signal, "SIGUSR1");
});

test("a program that stops pinging its watchdog is aborted and restarted", async () => {
  await using rig = createRig();
  const restart = { delay: "10ms", jitter: 0 };
  await rig.up({ web: { command: program("watchdog.sh"), ready: "notify", health: { watchdog: "400ms" }, restart } });
  await rig.event({ type: "watchdog_expired", service: "web" });
  const exited = await rig.event({ type: "exited", service: "web" });
  assert.equal(exited.signal, "SIGABRT");
  await rig.event({ type: "spawned", service: "web", generation: 2 });
});

test("messages that are too long, broken or full of descriptors change nothing; a real READY does (P15)", async () => {
  await using rig = createRig();
  await rig.begin({ web: { command: ["python3", program("raw-notify.py")], ready: "notify" } });
  await eventually(async () => (await rig.ok("logs", "web")).includes("sent"), "it has sent all");
  assert.equal((await rig.instance("web")).state, "starting");
  await rig.ok("signal", "USR1", "web");
  const up = await rig.becomes("web", { state: "up" });
  assert.equal(up.statusText, "now in earnest");
  const { pid } = await rig.client.supervisor();
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  assert.ok(descriptors < 100, `the supervisor holds ${descriptors} descriptors`);
});

test("READY from a process of somebody else is not believed (P15)", async () => {
  await using rig = createRig();
  const web = { command: ["node", program("never-ready.js")], ready: "notify" };
  await rig.begin({ web });
  const { pid } = await rig.event({ type: "spawned", service: "web" });
  await rig.ok("start", `python3 ${program("foreign-ready.py")} ${pid}`, "--name", "forger", "--no-wait");
  const seen = await rig.event({ type: "problem_seen" });
  const forger = await rig.pid("forger");
  assert.equal(seen.cause, `web/0#1: notification rejected: process ${forger} is not part of it`);
  assert.equal((await rig.instance("web")).state, "starting");
});
