/** P9: the supervisor is killed at every moment of what it does, by trying many moments. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentOf, sessionOf } from "../../src/os/processes.ts";
import type { ActionRequest } from "../../src/protocol/api.ts";
import { eventually } from "../e2e/eventually.ts";
import { taggedOf } from "../e2e/leftovers.ts";
import { freePort } from "../e2e/ports.ts";
import { createRig, type Rig } from "../e2e/rig.ts";
import { Random } from "../simulation/random.ts";
import { untilAnother } from "./frozen.ts";

const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

/** What is under way when the kill comes, and for how long it may be. */
const deeds: Readonly<Record<string, { readonly request: ActionRequest; readonly withinMs: number }>> = {
  "a start": { request: { action: "start", targets: ["quick"] }, withinMs: 6 },
  "a restart": { request: { action: "restart", targets: ["quick"] }, withinMs: 12 },
  "a stop": { request: { action: "stop", targets: ["quick"] }, withinMs: 8 },
  "a reload": { request: { action: "reload", targets: ["server"] }, withinMs: 400 },
  "a change of scale": { request: { action: "scale", targets: ["pool"], instances: 4 }, withinMs: 10 },
};

for (const [what, { request, withinMs }] of Object.entries(deeds)) {
  test(`a kill at any moment of ${what} doubles nothing and loses nothing`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const random = new Random(seed);
    await using rig = createRig();
    const port = await freePort();
    await rig.up({
      quick: { command: "sleep 1000" },
      pool: { command: "sleep 1001", instances: 2 },
      server: {
        command: ["node", "-e", `require("node:http").createServer().listen(${port})`],
        listen: { http: port },
        reload: { settle: "50ms" },
      },
    });
    for (let times = 0; times < 8; times++) {
      await putBack(rig);
      const { pid } = await rig.client.supervisor();
      // The answer may be killed with the one who gives it.
      const answered = rig.client.action(request).catch(() => undefined);
      await sleep(random.next() * withinMs);
      process.kill(pid, "SIGKILL");
      await answered;
      await untilAnother(rig, pid);
      await eventually(() => isWhole(rig), `all is one: seed ${seed}, ${what}`);
    }
    const gaps = (await rig.events({ type: "supervisor_recovered" })).map((event) => event.gaps);
    assert.deepEqual(new Set(gaps), new Set(["none"]), `seed ${seed}`);
  });
}

/** Everything as at the beginning: `start` is only a deed when there is something to start. */
async function putBack(rig: Rig): Promise<void> {
  await rig.client.action({ action: "scale", targets: ["pool"], instances: 2 });
  await rig.client.action({ action: "start", targets: ["all"] });
  await eventually(() => isWhole(rig), "all is up");
}

/** Each instance has the one process that carries its tag, and there is no other. */
async function isWhole(rig: Rig): Promise<boolean> {
  const instances = await rig.client.instances();
  if (instances.some(({ state }) => state !== "up" && state !== "down")) return false;
  const runs = instances.flatMap((it) =>
    it.pid === null ? [] : [`${it.pid} ${it.service}/${it.slot}#${it.generation}`],
  );
  const found = taggedOf(rig.files).flatMap((pid) => {
    const tag = environmentOf(pid)?.get("LARES_INSTANCE")?.split("@")[0];
    return sessionOf(pid) === pid ? [`${pid} ${tag}`] : [];
  });
  return runs.sort().join() === found.sort().join();
}
