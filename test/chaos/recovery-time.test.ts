/** What `bench/recovery.ts` measures, held to a limit that only a mistake in the order of growth would break. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRig } from "../e2e/rig.ts";
import { kill } from "./kills.ts";

test("a supervisor of fifty services is replaced by one that knows all of them within five seconds", async () => {
  await using rig = createRig();
  const names = Array.from({ length: 50 }, (_, index) => `sleep${index}`);
  await rig.up(Object.fromEntries(names.map((name) => [name, { command: "sleep 1000" }])));
  const before = await rig.client.instances({ usage: false });
  const { recoveryMs } = await kill(rig, "supervisor");
  assert.ok(recoveryMs < 5000, `${recoveryMs} ms`);
  const after = await rig.client.instances({ usage: false });
  assert.deepEqual(
    after.map(({ pid }) => pid),
    before.map(({ pid }) => pid),
  );
  assert.equal((await rig.event({ type: "supervisor_recovered" })).adopted, 50);
});
