/** What an operator wants outlives the supervisor; what the supervisor remembers never hits a stranger. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "./eventually.ts";
import { pidIn } from "./leftovers.ts";
import { createRig, type Rig } from "./rig.ts";

const services = { web: { command: "sleep 1000" }, api: { command: "sleep 1000", instances: 2 } };

test("a stop and a scale survive kill -9 of the supervisor (P8)", async () => {
  await using rig = createRig();
  await rig.up(services);
  await rig.ok("stop", "web");
  await rig.ok("stop", "api/1");
  await rig.ok("scale", "api=3");
  const before = await picture(rig);
  await killSupervisor(rig);
  assert.deepEqual(await picture(rig), before, "and every process is still the same");
  assert.deepEqual(
    before.map(({ name, state, desired }) => `${name} ${state} ${desired}`),
    ["web/0 down down", "api/0 up up", "api/1 down down", "api/2 up up"],
  );
});

test("a stop and a scale survive down and up (P8)", async () => {
  await using rig = createRig();
  await rig.up(services);
  await rig.ok("stop", "web");
  await rig.ok("stop", "api/1");
  await rig.ok("scale", "api=3");
  await rig.ok("down");
  // Without a file, what ran before runs again.
  rmSync(`${rig.directory}/lares.yaml`);
  await rig.ok("up");
  assert.deepEqual(
    (await picture(rig)).map(({ name, state, desired }) => `${name} ${state} ${desired}`),
    ["web/0 down down", "api/0 up up", "api/1 down down", "api/2 up up"],
  );
});

test("a stop survives down and up with the file, too (P8)", async () => {
  await using rig = createRig();
  await rig.up(services);
  await rig.ok("stop", "web");
  await rig.ok("down");
  await rig.ok("up");
  assert.deepEqual(
    (await picture(rig)).map(({ name, state }) => `${name} ${state}`),
    ["web/0 down", "api/0 up", "api/1 up"],
  );
});

test("a pid in the journal that belongs to a stranger by now is never signalled (P12)", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000", restart: { policy: "never" } } });
  const stranger = spawn("sleep", ["1000"], { stdio: "ignore" });
  await once(stranger, "spawn");
  const innocent = stranger.pid ?? assert.fail("no pid");
  // The keeper must not start another one while the journal is edited, and the parked pidfd must not help either.
  const keeper = pidIn(rig.files.keeperPidFile) ?? assert.fail("no keeper");
  const own = await rig.pid("web");
  process.kill(keeper, "SIGKILL");
  process.kill(pidIn(rig.files.pidFile) ?? 0, "SIGKILL");
  process.kill(own, "SIGKILL");
  await eventually(() => !isAlive(keeper) && !isAlive(own), "they end");
  const journal = readFileSync(rig.files.journal, "utf8");
  assert.ok(journal.includes(`"pid":${own}`), "the journal names the process");
  writeFileSync(rig.files.journal, journal.replaceAll(`"pid":${own}`, `"pid":${innocent}`));
  await rig.lares("up", "--no-wait");
  const { exit, state } = await rig.becomes("web", { pid: null });
  assert.deepEqual([state, exit?.status], ["failed", "unknown"]);
  await rig.ok("stop", "web");
  await rig.ok("down");
  assert.ok(isAlive(innocent));
  stranger.kill();
  await once(stranger, "exit");
});

/** Ends the supervisor as the kernel would, and waits for the next. */
async function killSupervisor(rig: Rig): Promise<void> {
  const { pid, seq } = await rig.client.supervisor();
  process.kill(pid, "SIGKILL");
  await rig.event({ type: "supervisor_recovered", after: seq });
}

async function picture(rig: Rig) {
  const instances = await rig.client.instances();
  return instances.map(({ service, slot, state, desired, pid }) => ({
    name: `${service}/${slot}`,
    state,
    desired,
    pid,
  }));
}
