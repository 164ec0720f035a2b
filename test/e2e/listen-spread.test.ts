/** How new connections are spread over the slots of a service, also while one of them has nobody to accept. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { freePort } from "./ports.ts";
import { fixture } from "./reload-subjects.ts";
import { createRig, type Rig } from "./rig.ts";

test("10,000 connections over four slots are within 10 % of equal", async () => {
  await using rig = createRig();
  const port = await fourSlots(rig);
  const { slots } = await connections(port, 10_000);
  assert.deepEqual([...slots.keys()].sort(), ["0", "1", "2", "3"]);
  for (const [slot, count] of slots) assert.ok(Math.abs(count - 2500) <= 250, `slot ${slot} got ${count}`);
});

test("no connection waits for a slot that crashes at every start", async () => {
  await using rig = createRig();
  const port = await fourSlots(rig);
  rig.write("bad-slot", "1");
  process.kill(await rig.pid("web", 1), "SIGKILL");
  // It has crashed again by now, and the kernel knows.
  await rig.event({ type: "exited", service: "web", slot: 1, generation: 2 });
  const { slots, waitedMs } = await connections(port, 3000);
  const { generation } = await rig.instance("web", 1);
  assert.ok(generation >= 4, `slot 1 was started ${generation} times`);
  assert.deepEqual([...slots.keys()].sort(), ["0", "2", "3"]);
  const [p99 = 0, max = 0] = [waitedMs[Math.floor(waitedMs.length * 0.99)], waitedMs.at(-1)];
  assert.ok(p99 < 250 && max < 1000, `99 % waited for at most ${p99} ms, one for ${max} ms`);
});

test("P22: reloads under a flood of new connections fail none of them", async (context) => {
  await using rig = createRig();
  const port = await fourSlots(rig);
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

async function fourSlots(rig: Rig): Promise<number> {
  const port = await freePort();
  const env = { PORT: port, BAD_SLOT_FILE: `${rig.directory}/bad-slot` };
  const restart = { delay: "1ms", delay_max: "20ms", jitter: 0, intensity: 1000, period: "60s" };
  const listen = { tcp: `127.0.0.1:${port}` };
  const command = ["node", fixture("reload/says-slot.mjs")];
  const reload = { settle: "100ms", parallel: 2 };
  await rig.up({ web: { command, env, listen, instances: 4, restart, reload } });
  return port;
}

/** Opens connections, 50 at a time. How many each slot answered (or each error, in its place), and how long each took, in order. */
async function connections(port: number, count: number, flood = { isOn: true }) {
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
