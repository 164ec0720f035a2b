/** A journal that is torn, foreign, garbage or gone costs nothing that runs. */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { createRig, type Rig } from "../e2e/rig.ts";
import { withoutBoth, withoutSupervisor } from "./frozen.ts";

type Damage = (journal: string) => void;

const damages: Readonly<Record<string, Damage>> = {
  "torn within its last line": (path) => truncateSync(path, readFileSync(path).length - 7),
  "that goes on with garbage": (path) => appendFileSync(path, "\0\u{1f600} {]\n\n\n\n{}"),
  "of another boot": (path) => writeFileSync(path, readFileSync(path, "utf8").replace(/"boot":"[^"]*"/, '"boot":"x"')),
  "of a later version": (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"lares":1', '"lares":99')),
  "that is nothing but garbage": (path) => writeFileSync(path, Buffer.from([0, 255, 10, 10, 123, 0])),
  "that is empty": (path) => truncateSync(path, 0),
  "that is gone": (path) => rmSync(path),
};

for (const [what, damage] of Object.entries(damages)) {
  test(`a journal ${what} costs no process`, async () => {
    for (const absence of [withoutSupervisor, withoutBoth]) {
      await using rig = createRig();
      await rig.up({
        pair: { command: "sleep 1000", instances: 2 },
        talks: { command: "sh -c 'echo said; sleep 1000'" },
      });
      // So that a number other than the first has to be found out.
      await rig.ok("restart", "talks");
      const before = await pidsOf(rig);
      await absence(rig, () => damage(rig.files.journal));
      assert.deepEqual(await pidsOf(rig), before, absence.name);
      await rig.ok("restart", "talks");
      assert.notDeepEqual(await pidsOf(rig), before);
    }
  });
}

async function pidsOf(rig: Rig): Promise<unknown> {
  const instances = await rig.client.instances();
  return instances.map(({ service, slot, pid, state }) => [service, slot, pid, state]);
}
