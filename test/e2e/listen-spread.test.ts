/** How new connections are spread over the slots of a service, also while one of them has nobody to accept. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { freePort } from "./ports.ts";
import { fixture } from "./reload-subjects.ts";
import { createRig, type Rig } from "./rig.ts";

test("10,000 connections over four slots are within 10 % of equal", async () => {
  await using rig = createRig();
  const port = await freePort();
  await rig.up({ web: fourSlots(rig, port) });
  const { slots } = await connections(port, 10_000);
  assert.deepEqual([...slots.keys()].sort(), ["0", "1", "2", "3"]);
  for (const [slot, count] of slots) assert.ok(Math.abs(count - 2500) <= 250, `slot ${slot} got ${count}`);
});

test("no connection waits for a slot that crashes at every start", async () => {
  await using rig = createRig();
  const [calm, port] = [await freePort(), await freePort()];
  await rig.up({ calm: fourSlots(rig, calm), web: fourSlots(rig, port, "bad-slot") });
  rig.write("bad-slot", "1");
  process.kill(await rig.pid("web", 1), "SIGKILL");
  // It has crashed again by now, and the kernel knows.
  await rig.event({ type: "exited", service: "web", slot: 1, generation: 2 });
  const flood = { isOn: true };
  const both = Promise.all([calm, port].map((each) => connections(each, Number.POSITIVE_INFINITY, flood)));
  await rig.event({ type: "exited", service: "web", slot: 1, generation: 10 });
  flood.isOn = false;
  const [elsewhere = none, here = none] = await both;
  assert.deepEqual([...here.slots.keys()].sort(), ["0", "2", "3"]);
  // What the machine makes everybody wait is told by those whom nothing happens to.
  for (const part of [0.99, 1]) {
    const [floorMs, waitedMs] = [quantile(elsewhere, part), quantile(here, part)];
    assert.ok(waitedMs < 250 + 5 * floorMs, `${100 * part} % waited for ${waitedMs} ms, elsewhere for ${floorMs} ms`);
  }
});

test("P22: reloads under a flood of new connections fail none of them", async (context) => {
  await using rig = createRig();
  const port = await freePort();
  await rig.up({ web: fourSlots(rig, port) });
  const flood = { isOn: true };
  const startedAt = performance.now();
  const flooded = connections(port, Number.POSITIVE_INFINITY, flood);
  for (let round = 0; round < 2; round++) await rig.ok("reload", "web");
  flood.isOn = false;
  const { slots, waitedMs } = await flooded;
  const perSecond = waitedMs.length / ((performance.now() - startedAt) / 1000);
  context.diagnostic(`${waitedMs.length} connections, ${Math.round(perSecond)} a second`);
  assert.deepEqual([...slots.keys()].sort(), ["0", "1", "2", "3"]);
});

const none: Connections = { slots: new Map(), waitedMs: [] };

/** How long the quickest part of them took at most. */
function quantile({ waitedMs }: Connections, part: number): number {
  return waitedMs[Math.ceil(waitedMs.length * part) - 1] ?? 0;
}

/** A service whose slots say which one they are; the one that the file names dies at once. */
function fourSlots(rig: Rig, port: number, badSlotFile = "no-such-file") {
  const env = { PORT: port, BAD_SLOT_FILE: `${rig.directory}/${badSlotFile}` };
  const restart = { delay: "1ms", delay_max: "20ms", jitter: 0, intensity: 1000, period: "60s" };
  const listen = { tcp: `127.0.0.1:${port}` };
  const command = ["node", fixture("reload/says-slot.mjs")];
  const reload = { settle: "100ms", parallel: 2 };
  return { command, env, listen, instances: 4, restart, reload };
}

interface Connections {
  /** How many each slot answered, or each error, in its place. */
  readonly slots: ReadonlyMap<string, number>;
  /** How long each took, in order. */
  readonly waitedMs: readonly number[];
}

/** Opens connections, 50 at a time. */
async function connections(port: number, count: number, flood = { isOn: true }): Promise<Connections> {
  const slots = new Map<string, number>();
  const waitedMs: number[] = [];
  let left = count;
  const client = async () => {
    while (flood.isOn && left-- > 0) {
      const startedAt = performance.now();
      const answer = connect(port, "127.0.0.1").setEncoding("utf8").toArray();
      const slot = await answer.then((parts) => parts.join(""), String);
      slots.set(slot, (slots.get(slot) ?? 0) + 1);
      waitedMs.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: 50 }, client));
  return { slots, waitedMs: waitedMs.sort((a, b) => a - b) };
}
