/** P12: the number of a process that is gone may belong to another by the time somebody thinks of it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "../e2e/eventually.ts";
import { createRig } from "../e2e/rig.ts";
import { withoutBoth } from "./frozen.ts";

test("a stranger that has got the pid of a service which ended unwatched is never signalled", async () => {
  await using rig = createRig();
  await rig.up({ gone: { command: "sleep 1000", stop: { grace: "100ms" } } });
  const gone = await rig.pid("gone");
  const stranger = spawn("sleep", ["1002"], { stdio: "ignore" });
  await once(stranger, "spawn");
  await withoutBoth(rig, async () => {
    process.kill(gone, "SIGKILL");
    await eventually(() => !existsSync(`/proc/${gone}`), "it has ended and init has reaped it");
    giveAway(rig.files.journal, { from: gone, to: stranger });
  });
  assert.equal((await rig.event({ type: "exited", service: "gone" })).status, "unknown");
  await rig.becomes("gone", { state: "up", generation: 2 });
  await rig.ok("down");
  assert.ok(isAlive(stranger.pid ?? 0), "the stranger was signalled");
  stranger.kill("SIGKILL");
});

/** Waiting for the kernel to give the same number again could take four million processes: the record is changed instead. */
function giveAway(journal: string, { from, to }: { from: number; to: ChildProcess }): void {
  const text = readFileSync(journal, "utf8");
  assert.ok(text.includes(`"pid":${from},`));
  writeFileSync(journal, text.replaceAll(`"pid":${from},`, `"pid":${to.pid},`));
}
