/** Health checks on real programs: when an instance counts as ill, when as well again, and what follows. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";
import { createRig, program, type Rig } from "./rig.ts";

/** Asked often, and with time for an answer on a machine that is busy. */
const quick = { interval: "1s", timeout: "1s" };

test("it takes `failures` bad answers in a row to be degraded, and `successes` good ones to be up again", async () => {
  await using rig = createRig();
  const health = { ...listed(rig, "good bad bad good bad bad bad good bad good good"), failures: 3, successes: 2 };
  await rig.begin({ web: { command: "sleep 1000", health: { ...health, then: "report" } } });
  const failed = await rig.event({ type: "health_failed", service: "web" });
  assert.equal(failed.cause, "sh failed: check 7 is bad");
  const recovered = await rig.event({ type: "health_recovered", service: "web" });
  assert.equal(recovered.cause, "check 11 is good");
});

test("with `then: report`, what is degraded runs on and is shown so", async () => {
  await using rig = createRig();
  const file = rig.write("sick", "");
  const health = { exec: `test ! -e ${file}`, ...quick, failures: 2, then: "report" };
  await rig.begin({ web: { command: "sleep 1000", health } });
  const degraded = await rig.becomes("web", { state: "degraded" });
  const { code, stderr } = await rig.lares("up");
  assert.deepEqual([code, stderr], [0, "warning: web/0 is ready, but degraded: see `lares events web`\n"]);
  assert.deepEqual([degraded.healthy, degraded.generation], [false, 1]);
  assert.match(await rig.ok("ls"), /web\/0 +degraded/);
});

test("with `then: restart`, what is degraded is stopped as ever and started again; that is no crash", async () => {
  await using rig = createRig();
  const health = { ...listed(rig, "good bad bad"), failures: 2 };
  await rig.up({ web: { command: "sleep 1000", health } });
  await rig.event({ type: "health_failed", service: "web" });
  const exited = await rig.event({ type: "exited", service: "web" });
  assert.deepEqual([exited.signal, exited.cause], ["SIGTERM", "told to stop (unhealthy)"]);
  const again = await rig.becomes("web", { state: "up", generation: 2, healthy: true });
  assert.equal(again.restarts, 0, "no crash is counted");
  assert.match(again.reason ?? "", /^unhealthy; restarted after/);
  process.kill(again.pid ?? 0, "SIGKILL");
  assert.equal((await rig.becomes("web", { state: "up", generation: 3 })).restarts, 1);
});

test("the first check waits for `initial_delay` after readiness", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000", health: { ...listed(rig, ""), initial_delay: "400ms" } } });
  const ready = await rig.event({ type: "became_ready", service: "web" });
  // The shell makes the file before `date` writes to it.
  const first = await eventually(() => existsSync(`${rig.directory}/asked`) && asked(rig)[0], "a check");
  assert.ok(first - Date.parse(ready.at) >= 399, `checked ${first - Date.parse(ready.at)} ms after readiness`);
});

for (const [by, mood, cause] of [
  ["http", "ill", /answered 500$/],
  ["http", "mute", /^no answer within 1000 ms$/],
  ["http", "gone", /ECONNREFUSED/],
  ["tcp", "gone", /ECONNREFUSED/],
] as const) {
  test(`a check by ${by} notices a program that is ${mood}, and that it is well again after its restart`, async () => {
    await using rig = createRig();
    const file = rig.write("mood", "well");
    const port = await freePort();
    const target = by === "http" ? `http://127.0.0.1:${port}/` : `127.0.0.1:${port}`;
    const health = { [by]: target, ...quick, failures: 2 };
    const command = ["node", program("moody.js"), String(port), file];
    await rig.up({ web: { command, register: false, ready: { tcp: `127.0.0.1:${port}` }, health } });
    await rig.becomes("web", { healthy: true });
    rig.write("mood", mood);
    assert.match((await rig.event({ type: "health_failed", service: "web" })).cause ?? "", cause);
    rig.write("mood", "well");
    const restarted = await rig.event({ type: "became_ready", service: "web", generation: 2 });
    await rig.becomes("web", { healthy: true });
    assert.deepEqual(await rig.events({ type: "health_failed", service: "web", after: restarted.seq }), []);
  });
}

test("the sd_notify watchdog is a health check: its restart is no crash either", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: program("watchdog.sh"), ready: "notify", health: { watchdog: "400ms" } } });
  await rig.event({ type: "watchdog_expired", service: "web" });
  // It will expire again, and again.
  await rig.event({ type: "became_ready", service: "web", generation: 2 });
  assert.equal((await rig.instance("web")).restarts, 0);
});

test("checks that hang never pile up: there is one at a time, and none is left", async () => {
  await using rig = createRig();
  const file = rig.write("pids", "");
  const pids = () => readFileSync(file, "utf8").split("\n").filter(Boolean).map(Number);
  const health = { exec: `${program("check-hangs.sh")} ${file}`, interval: "300ms", timeout: "100ms", then: "report" };
  await rig.up({ web: { command: "sleep 1000", health } });
  await eventually(() => {
    const alive = pids().filter(isAlive);
    // The check and its child; and those that were killed just now, which takes a moment.
    assert.ok(alive.length <= 6, `${alive.length} processes of checks at once`);
    return pids().length >= 20;
  }, "ten checks have hung");
  await rig.ok("stop", "web");
  await eventually(() => pids().filter(isAlive).length === 0, "no check is left");
});

test("the first checks of many services that become ready together are spread out", async () => {
  await using rig = createRig();
  const count = 30;
  const names = Array.from({ length: count }, (_, index) => `s${index}`);
  const asksAt = `echo $LARES_SERVICE $(date +%s%3N) >>${rig.directory}/asked`;
  const health = { exec: ["sh", "-c", asksAt.replaceAll("$", "$$$$")], interval: "1h", timeout: "1m" };
  await rig.up(Object.fromEntries(names.map((name) => [name, { command: "sleep 1000", health }])));
  const asked = await eventually(() => {
    const all = existsSync(`${rig.directory}/asked`) ? readFileSync(`${rig.directory}/asked`, "utf8") : "";
    const lines = all.split("\n").filter(Boolean);
    return lines.length === count && new Map(lines.map((line) => line.split(" ") as [string, string]));
  }, "every service was checked");
  const ready = await rig.events({ type: "became_ready" });
  const waitedMs = ready.map(({ service = "", at }) => Number(asked.get(service)) - Date.parse(at));
  const spreadMs = Math.max(...waitedMs) - Math.min(...waitedMs);
  assert.ok(spreadMs > 300, `checked from ${Math.min(...waitedMs)} to ${Math.max(...waitedMs)} ms after readiness`);
});

/** A check that gives these answers one after the other. */
function listed(rig: Rig, answers: string) {
  rig.write("answers", answers.replaceAll(" ", "\n"));
  return { exec: `${program("check-by-list.sh")} ${rig.directory}`, ...quick };
}

/** When checks were made, in milliseconds. */
function asked(rig: Rig): readonly number[] {
  const lines = readFileSync(`${rig.directory}/asked`, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => Number(line) / 1e6);
}
