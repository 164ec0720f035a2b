import assert from "node:assert/strict";
import { test } from "node:test";
import { createRig } from "./rig.ts";

test("P8: an operator's scale holds until the file names another number than it did then", async () => {
  await using rig = createRig();
  const file = (instances: number) => ({ web: { command: "sleep 86400", instances } });
  const count = async () => (await rig.json<readonly unknown[]>("ls")).length;
  await rig.up(file(1));
  await rig.ok("scale", "web=3");
  await rig.up(file(1));
  assert.equal(await count(), 3, "the same file again");
  await rig.ok("down");
  await rig.up(file(1));
  assert.equal(await count(), 3, "after everything was down");
  await rig.up(file(2));
  assert.equal(await count(), 2, "another number in the file");
});
