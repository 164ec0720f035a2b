/** Tasks, their schedules, and the commands that are run at moments of a life. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { ServiceView } from "../../src/protocol/api.ts";
import { eventually } from "./eventually.ts";
import { createRig } from "./rig.ts";

test("a task runs once and is completed; what comes after it waits for that", async () => {
  await using rig = createRig();
  const order = `${rig.directory}/order`;
  await rig.up({
    web: { command: `echo web >>${order}; exec sleep 1000`, shell: true, after: ["migrate"], ready: { delay: "50ms" } },
    migrate: { kind: "task", command: `sleep 0.2; echo migrate >>${order}`, shell: true },
  });
  assert.equal(readFileSync(order, "utf8"), "migrate\nweb\n");
  const { state, exit, pid, restarts } = await rig.instance("migrate");
  assert.deepEqual([state, exit?.code, pid, restarts], ["completed", 0, null, 0]);
  await rig.ok("up");
  assert.equal((await rig.instance("migrate")).generation, 1, "it does not run again by itself");
  await rig.ok("start", "migrate");
  assert.equal((await rig.instance("migrate")).generation, 2);
});

test("a task that fails keeps back what requires it, not what only comes after it, and up says so", async () => {
  await using rig = createRig();
  const task = { kind: "task", command: "echo cannot migrate >&2; exit 3", shell: true, restart: { policy: "never" } };
  const web = { command: "sleep 1000" };
  rig.configure({ migrate: task, web: { ...web, requires: ["migrate"] }, other: { ...web, after: ["migrate"] } });
  const { code, stderr } = await rig.fails("up");
  assert.equal(code, 1);
  assert.match(stderr, /migrate\/0 is failed: exited with code 3/);
  assert.match(stderr, /\| cannot migrate$/m);
  const { state, reason } = await rig.instance("web");
  assert.deepEqual([state, (await rig.instance("other")).state], ["down", "up"]);
  assert.match(reason ?? "", /migrate.* has failed/);
});

test("a scheduled task runs at its times, again and again", async () => {
  await using rig = createRig();
  const begunMs = Date.now();
  await rig.up({ tick: { kind: "task", command: "true", schedule: "* * * * * *" } });
  const { nextRunAt } = await rig.json<ServiceView>("describe", "tick");
  assert.ok(Date.parse(nextRunAt ?? "") - Date.now() < 1500);
  const third = await rig.event({ type: "spawned", service: "tick", generation: 3 });
  // The first at the beginning of a second, each other in a later one.
  const tookMs = Date.parse(third.at) - Math.ceil(begunMs / 1000) * 1000;
  assert.ok(tookMs >= 1990, `the third run came ${tookMs} ms after the first could`);
  await rig.ok("stop", "tick");
  assert.equal((await rig.json<ServiceView>("describe", "tick")).nextRunAt, null);
});

test("hooks are run when a service is ready, exits and has failed, and know why", async () => {
  await using rig = createRig();
  const note = `echo $LARES_SERVICE/$LARES_SLOT $LARES_HOOK: $LARES_REASON >>${rig.directory}/notes`;
  const hook = ["/bin/sh", "-c", note.replaceAll("$", "$$$$")];
  const on = { ready: hook, exit: hook, failed: hook };
  await rig.begin({ web: { command: "sleep 0.2; exit 3", shell: true, restart: { policy: "never" }, on } });
  await rig.becomes("web", { state: "failed" });
  const notes = await eventually(() => {
    const lines = readFileSync(`${rig.directory}/notes`, "utf8").trimEnd().split("\n");
    return lines.length === 3 && lines.sort();
  }, "three hooks have run");
  assert.deepEqual(notes, ["web/0 exit: exited with code 3", "web/0 failed: exited with code 3", "web/0 ready: ready"]);
});
