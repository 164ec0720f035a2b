/** What services do while no supervisor is there to see it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "../e2e/eventually.ts";
import { createRig } from "../e2e/rig.ts";
import { withoutBoth, withoutSupervisor } from "./frozen.ts";

test("what a service says to its NOTIFY_SOCKET while the supervisor is dead is heard", async () => {
  await using rig = createRig();
  const [go, said] = [join(rig.directory, "go"), join(rig.directory, "said")];
  const waits = `until [ -e ${go} ]; do sleep 0.02; done; systemd-notify --no-block --ready --status=here; touch ${said}`;
  await rig.begin({ late: { command: `sh -c '${waits}; exec sleep 1000'`, ready: "notify" } });
  await rig.becomes("late", { state: "starting" });
  await withoutSupervisor(rig, async () => {
    writeFileSync(go, "");
    await eventually(() => existsSync(said), "it has spoken");
  });
  const { generation } = await rig.becomes("late", { state: "up", statusText: "here" });
  assert.equal(generation, 1);
});

test("how a service ended while the supervisor was dead is known", async () => {
  await using rig = createRig();
  const go = join(rig.directory, "go");
  const waits = `echo waiting; until [ -e ${go} ]; do sleep 0.02; done`;
  const never = { restart: { policy: "never" } };
  await rig.up({
    code: { command: `sh -c '${waits}; echo last words; exit 42'`, ...never },
    signal: { command: `sh -c '${waits}; kill -SEGV $$$$'`, ...never },
  });
  const pids = [await rig.pid("code"), await rig.pid("signal")];
  await withoutSupervisor(rig, async () => {
    writeFileSync(go, "");
    await eventually(() => !pids.some(isAlive), "both have ended");
  });
  const { code, tail } = await rig.event({ type: "exited", service: "code" });
  assert.deepEqual([code, (tail as string[]).at(-1)], [42, "last words"]);
  assert.equal((await rig.event({ type: "exited", service: "signal" })).signal, "SIGSEGV");
});

test("an end that nobody could see, keeper and supervisor both dead, is unknown and counts as a failure", async () => {
  await using rig = createRig();
  await rig.up({
    gone: { command: "sleep 1000", restart: { policy: "on-failure" } },
    stays: { command: "sleep 1001" },
  });
  const [gone, stays] = [await rig.pid("gone"), await rig.pid("stays")];
  await withoutBoth(rig, async () => {
    process.kill(gone, "SIGKILL");
    await eventually(() => !existsSync(`/proc/${gone}`), "it has ended and init has reaped it");
  });
  const { code, signal, status } = await rig.event({ type: "exited", service: "gone" });
  assert.deepEqual({ code, signal, status }, { code: null, signal: null, status: "unknown" });
  assert.equal((await rig.becomes("gone", { state: "up" })).generation, 2);
  assert.equal(await rig.pid("stays"), stays);
  const { adopted, gaps } = await rig.event({ type: "supervisor_recovered" });
  assert.deepEqual([adopted, gaps], [1, ["gone/0#1 ended unwatched: its status is unknown"]]);
});

test("a writer that fills its pipe waits for the next supervisor, and gets no error", async () => {
  await using rig = createRig();
  const counted = join(rig.directory, "counted");
  const writer = rig.write(
    "writer.js",
    `const fs = require("node:fs");
    for (let line = 1; line <= 300_000; line++) fs.writeSync(1, line + " and not one less\\n");
    fs.writeFileSync(${JSON.stringify(counted)}, "all");
    setInterval(() => {}, 1000);`,
  );
  for (const absence of [withoutSupervisor, withoutBoth]) {
    const name = absence.name;
    writeFileSync(counted, "");
    rig.configure({ [name]: { command: ["node", writer] } });
    await rig.ok((await rig.isAnswering()) ? "apply" : "up", "--no-wait");
    await rig.becomes(name, { state: "up" });
    await absence(rig, () => new Promise((resolve) => setTimeout(resolve, 300)));
    await eventually(() => readFileSync(counted, "utf8") === "all", "it has written everything");
    const lines = (await rig.ok("logs", name, "-n", "400000")).split("\n").filter((line) => line.endsWith("one less"));
    assert.equal(lines.length, 300_000, name);
    assert.equal((await rig.instance(name)).generation, 1);
  }
});
