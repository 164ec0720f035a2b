/** Many services at once, and what is left of them. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { eventually } from "./eventually.ts";
import { taggedOf } from "./leftovers.ts";
import { createRig } from "./rig.ts";

test("of 200 services down leaves none (P21)", async () => {
  await using rig = createRig();
  const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
  // Some start others, some have several copies.
  const kinds = [
    { command: "sleep 1000" },
    { command: "sleep 1000 & exec sleep 1000", shell: true },
    { command: "setsid sleep 1000 & exec sleep 1000", shell: true },
    { command: "sleep 1000", instances: 2 },
  ];
  await rig.up(Object.fromEntries(names.map((name, index) => [name, kinds[index % kinds.length] ?? {}])));
  const instances = await rig.client.instances();
  assert.equal(instances.length, 250);
  assert.ok(taggedOf(rig.files).length >= 350);
  await rig.ok("down");
  assert.deepEqual(taggedOf(rig.files), []);
});

test("what comes and goes leaves no descriptor and no process with the supervisor", async () => {
  await using rig = createRig();
  const services = Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [`s${index}`, { command: "sleep 1000" }]),
  );
  await rig.up({ first: { command: "sleep 1000" } });
  const { pid, keeperPid } = await rig.client.supervisor();
  const descriptors = () => readdirSync(`/proc/${pid}/fd`).length;
  // The first round opens what is kept: once opened, it is reused.
  for (const round of [0, 1, 2]) {
    rig.configure({ first: { command: "sleep 1000" }, ...services });
    await rig.ok("apply");
    await rig.ok("restart", "all");
    rig.configure({ first: { command: "sleep 1000" } });
    const before = round === 0 ? undefined : descriptors();
    await rig.ok("apply");
    if (before !== undefined) await eventually(() => descriptors() < before, "what was open for them is closed");
  }
  const settled = descriptors();
  rig.configure({ first: { command: "sleep 1000" }, ...services });
  await rig.ok("apply");
  rig.configure({ first: { command: "sleep 1000" } });
  await rig.ok("apply");
  await eventually(
    () => descriptors() <= settled,
    () => `${descriptors()} descriptors are open, ${settled} were before`,
  );
  const inherited = readdirSync(`/proc/${keeperPid}/fd`);
  // The standard three, the store's two ends, what it waits on (9), the supervisor's stderr (8), and one of the shell's own.
  assert.ok(inherited.length <= 8, `the keeper holds ${inherited.join(" ")}`);
});
