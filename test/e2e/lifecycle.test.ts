/** Starting, stopping and restarting real programs, also those that make it hard. The numbers are those of the pitfalls. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "./eventually.ts";
import { taggedOf } from "./leftovers.ts";
import { createRig, program, type Rig } from "./rig.ts";

const untilLine = (pattern: string) => ({ log: pattern, timeout: "2m" });

test("two restarts at the same time leave one process (P1)", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" } });
  const first = await rig.pid("web");
  const outcomes = await Promise.all([rig.lares("restart", "web"), rig.lares("restart", "web")]);
  assert.deepEqual(
    outcomes.map(({ code }) => code),
    [0, 0],
  );
  const now = await rig.instance("web");
  assert.equal(now.state, "up");
  assert.notEqual(now.pid, first);
  assert.deepEqual(taggedOf(rig.files), [now.pid]);
});

test("stop and restart are obeyed while a service waits for another (P2)", async () => {
  await using rig = createRig();
  await rig.begin({
    db: { command: ["node", program("never-ready.js")], ready: { log: "at last", timeout: "1m" } },
    web: { command: "sleep 1000", after: ["db"] },
    api: { command: "sleep 1000", after: ["db"] },
  });
  await rig.event({ type: "spawned", service: "db" });
  assert.match((await rig.instance("web")).reason ?? "", /db/);
  await rig.ok("stop", "web");
  await rig.ok("restart", "api", "--no-wait");
  await rig.ok("start", "web", "--no-wait");
  await rig.ok("stop", "web");
  await rig.ok("restart", "db", "--no-wait");
  await rig.event({ type: "spawned", service: "db", generation: 2 });
  assert.deepEqual(await rig.events({ type: "spawned", service: "web" }), [], "a stopped service does not start");
  assert.deepEqual(await rig.events({ type: "spawned", service: "api" }), [], "a restart does not jump the queue");
  assert.deepEqual([(await rig.instance("web")).state, (await rig.instance("web")).desired], ["down", "down"]);
  assert.deepEqual([(await rig.instance("api")).state, (await rig.instance("api")).desired], ["down", "up"]);
});

test("a child that ignores TERM ends with its leader's service, not before the grace period (P3)", async () => {
  await using rig = createRig();
  await rig.up({
    web: { command: program("child-ignores-term.sh"), ready: untilLine("^child"), stop: { grace: "2s" } },
  });
  const child = await printedPid(rig, "web", /^child (\d+)$/);
  await rig.ok("stop", "web");
  assert.equal(isAlive(child), false);
  const { exit, state } = await rig.instance("web");
  assert.deepEqual([exit?.code, exit?.signal, state], [0, null, "down"]);
});

test("a child in a session of its own that ignores TERM does not outlive its service (P3)", async () => {
  await using rig = createRig();
  await rig.up({
    web: { command: program("setsid-escapee.sh"), ready: untilLine("^escaped"), stop: { grace: "300ms" } },
  });
  const escapee = await printedPid(rig, "web", /^escaped (\d+)$/);
  await rig.ok("stop", "web");
  assert.equal(isAlive(escapee), false);
});

test("what a crashed program leaves behind is gone before its successor starts", async () => {
  await using rig = createRig();
  const restart = { delay: "10ms", jitter: 0 };
  await rig.up({
    web: { command: program("setsid-escapee.sh"), ready: untilLine("^escaped"), restart, stop: { grace: "100ms" } },
  });
  const escapee = await printedPid(rig, "web", /^escaped (\d+)$/);
  process.kill(await rig.pid("web"), "SIGKILL");
  await rig.event({ type: "spawned", service: "web", generation: 2 });
  assert.equal(isAlive(escapee), false);
});

test("a program that ignores TERM is killed after its grace period, and the reason says so", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: program("ignores-term.sh"), ready: untilLine("^ready"), stop: { grace: "200ms" } } });
  await rig.ok("stop", "web");
  const killed = await rig.event({ type: "killed", service: "web" });
  const [, afterMs] = /^it did not end within (\d+) ms$/.exec(killed.cause ?? "") ?? [];
  assert.ok(Number(afterMs) >= 200, killed.cause);
  const { exit, state, reason } = await rig.instance("web");
  assert.deepEqual([exit?.code, exit?.signal, state], [null, "SIGKILL", "down"]);
  assert.match(reason ?? "", /killed by SIGKILL/);
});

test("a stop during backoff wins over the restart (P4)", async () => {
  await using rig = createRig();
  const restart = { delay: "3s", jitter: 0, period: "1h" };
  await rig.begin({ web: { command: ["node", program("crash-after.js"), "0"], ready: untilLine("never"), restart } });
  await rig.becomes("web", { state: "backoff" });
  await rig.ok("stop", "web");
  const stoppedAt = await rig.now();
  assert.equal((await rig.instance("web")).state, "down");
  // A service that is started later and ends after longer than the delay: by then the restart would have come.
  await rig.ok("start", "sleep 4", "--name", "clock", "--no-wait");
  await rig.event({ type: "exited", service: "clock" });
  assert.deepEqual(await rig.events({ type: "spawned", service: "web", after: stoppedAt }), []);
});

test("a first start that fails at once is tried again (P5)", async () => {
  await using rig = createRig();
  const flag = `${rig.directory}/second`;
  const script = `if [ -e ${flag} ]; then exec sleep 1000; fi; : >${flag}; exit 7`;
  await rig.begin({ web: { command: script, shell: true, ready: { delay: "100ms" }, restart: { delay: "50ms" } } });
  const up = await rig.becomes("web", { state: "up" });
  assert.deepEqual([up.generation, up.restarts, up.exit?.code], [2, 1, 7]);
});

test("a crash loop that begins after a long good run is limited (P13)", async () => {
  await using rig = createRig();
  const restart = { delay: "10ms", jitter: 0, intensity: 3, period: "10m", stable_after: "200ms" };
  // Longer than stable_after, so that each run is a good one.
  await rig.begin({ web: { command: ["node", program("crash-after.js"), "250", "5"], restart } });
  const limit = await rig.event({ type: "restart_limit_reached", service: "web" });
  assert.deepEqual([limit.count, limit.mode], [3, "fail"]);
  const { state, restarts, reason } = await rig.becomes("web", { state: "failed" });
  assert.deepEqual([state, restarts], ["failed", 3]);
  assert.match(reason ?? "", /exited with 5|code 5|status 5/);
  const spawned = await rig.events({ type: "spawned", service: "web" });
  assert.equal(spawned.length, 4);
  await rig.ok("reset", "web");
  assert.equal((await rig.instance("web")).restarts, 0);
});

test("down says who blocks it and since when (P19)", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: program("ignores-term.sh"), ready: untilLine("^ready"), stop: { grace: "6s" } } });
  const pid = await rig.pid("web");
  const down = rig.lares("down", "--timeout", "500ms");
  await rig.event({ type: "down_requested" });
  const { reason, state } = await rig.becomes("web", { state: "stopping" });
  assert.match(`${state}: ${reason}`, /^stopping: stopping for \d+\.\d s/);
  const { code, stderr } = await down;
  assert.equal(code, 6);
  assert.match(stderr, new RegExp(`after 0\\.5 s web/0 \\(pid ${pid}\\) still stopping`));
  assert.match(stderr, /^hint: /m);
});

test("an exit status and a signal are told exactly", async () => {
  await using rig = createRig();
  const restart = { policy: "never" };
  await rig.begin({
    code: { command: "exit 42", shell: true, restart },
    signal: { command: [program("kills-itself.sh"), "USR2"], restart },
    well: { command: "exit 0", shell: true, restart: { policy: "on-failure" } },
  });
  const code = await rig.becomes("code", { state: "failed" });
  const signal = await rig.becomes("signal", { state: "failed" });
  const well = await rig.becomes("well", { state: "completed" });
  const ends = [code, signal, well].map(({ exit }) => [exit?.code, exit?.signal, exit?.status]);
  assert.deepEqual(ends, [
    [42, null, "known"],
    [null, "SIGUSR2", "known"],
    [0, null, "known"],
  ]);
});

/** A pid that a program printed. */
async function printedPid(rig: Rig, service: string, pattern: RegExp): Promise<number> {
  const printed = await eventually(async () => {
    const lines = (await rig.ok("logs", service, "--json")).split("\n").filter(Boolean);
    return lines.map((line) => pattern.exec(JSON.parse(line).line ?? JSON.parse(line).text ?? "")?.[1]).find(Boolean);
  }, `${service} prints ${pattern}`);
  return Number(printed);
}
