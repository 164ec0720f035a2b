/** A change loses no request, for programs that know nothing of it: clients ask without pause while everything is replaced. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Load, type LoadReport, startLoad, type Target } from "../fixtures/register/load.ts";
import { eventually } from "./eventually.ts";
import { subject, subjectNames } from "./reload-subjects.ts";
import { createRig, type Rig } from "./rig.ts";

for (const name of subjectNames) {
  test(`three reloads lose no request of ${name}, on kept and on new connections`, async () => {
    await using rig = createRig();
    const { service, target } = await subject(name, rig);
    await rig.up({ web: service });
    await underLoad(target, async (loads) => {
      for (let round = 0; round < 3; round++) {
        await allAnswer(rig, loads);
        await rig.ok("reload", "web");
      }
      await allAnswer(rig, loads);
    });
    assert.deepEqual(await generations(rig), [4, 4]);
  });
}

test("scaling from two to four and back, over and over, loses no request", async () => {
  await using rig = createRig();
  const { service, target } = await subject("plain Node", rig);
  await rig.up({ web: service });
  await underLoad(target, async () => {
    for (const instances of [4, 2, 4, 2]) await rig.ok("scale", `web=${instances}`);
  });
  assert.deepEqual(
    (await rig.client.instances()).map(({ slot, state }) => [slot, state]),
    [
      [0, "up"],
      [1, "up"],
    ],
  );
});

for (const victim of ["supervisor", "both"] as const) {
  const who = victim === "both" ? "supervisor and keeper are" : "the supervisor is";
  test(`reloads go on, and lose no request, while ${who} killed again and again`, () => reloadThroughDeaths(victim));
}

async function reloadThroughDeaths(victim: "supervisor" | "both"): Promise<void> {
  await using rig = createRig();
  const { service, target } = await subject("plain Node", rig);
  await rig.up({ web: service });
  const before = await generations(rig);
  await underLoad(target, async () => {
    for (let round = 0; round < 3; round++) {
      const reload = rig.lares("reload", "web");
      await rig.event({ type: "spawned", service: "web", slot: round % 2, generation: round + 2 });
      const { pid, keeperPid, seq } = await rig.client.supervisor();
      if (victim === "both" && keeperPid !== null) process.kill(keeperPid, "SIGKILL");
      process.kill(pid, "SIGKILL");
      if (victim === "both") await rig.ok("up", "--no-wait");
      await rig.event({ type: "supervisor_recovered", after: seq });
      const { code, stderr } = await reload;
      assert.equal(code, 0, stderr);
    }
  });
  assert.deepEqual(
    await generations(rig),
    before.map((generation) => generation + 3),
  );
}

test("two reloads asked for at once follow one another", async () => {
  await using rig = createRig();
  const { service, target } = await subject("plain Node", rig);
  await rig.up({ web: service });
  await underLoad(target, async () => {
    const [first, second] = await Promise.all([rig.lares("reload", "web"), rig.lares("reload", "web")]);
    assert.deepEqual([first.code, second.code], [0, 0]);
  });
  assert.deepEqual(await generations(rig), [3, 3]);
  const steps = (await rig.events({ service: "web" })).map(({ type }) => type).filter((type) => /^reload_/.test(type));
  assert.deepEqual(steps, ["reload_started", "reload_completed", "reload_started", "reload_completed"]);
});

/** Both kinds of clients at once; none may fail. */
async function underLoad(target: Target, change: (loads: readonly Load[]) => Promise<void>): Promise<void> {
  const loads = [true, false].map((keepAlive) => startLoad(target, { clients: 8, keepAlive }));
  let reports: LoadReport[];
  try {
    await change(loads);
  } finally {
    reports = await Promise.all(loads.map(({ end }) => end()));
  }
  for (const { failures } of reports) assert.deepEqual([...new Set(failures)], []);
}

/** Waits until every process that runs has answered. */
async function allAnswer(rig: Rig, loads: readonly Load[]): Promise<void> {
  const pids = (await rig.client.instances()).map(({ pid }) => String(pid));
  const answers = () => loads.flatMap(({ sofar }) => [...sofar().answeredBy]);
  const silent = () => pids.filter((pid) => !answers().some((answer) => answer.split(/\W+/).includes(pid)));
  await eventually(
    () => silent().length === 0,
    () => `${silent().length} of ${pids.length} processes answer`,
  );
}

async function generations(rig: Rig): Promise<number[]> {
  return (await rig.client.instances()).map(({ generation }) => generation);
}
