/** The keeper is a shell script, and runs in whatever shell the host has for /bin/sh. */
import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "../e2e/eventually.ts";
import { createRig } from "../e2e/rig.ts";
import { kill } from "./kills.ts";

for (const shell of ["dash", "bash", "busybox"]) {
  test(`a keeper that runs in ${shell} starts the supervisor again, and is replaced when it is killed itself`, async () => {
    await using rig = createRig();
    rig.env.LARES_SHELL = `/bin/${shell}`;
    await rig.up({ one: { command: "sleep 1000" } });
    const pid = await rig.pid("one");
    for (const victim of ["supervisor", "keeper", "supervisor", "both", "supervisor"] as const) {
      await kill(rig, victim);
      assert.equal(shellOf((await rig.client.supervisor()).keeperPid), shell, `after ${victim}`);
      assert.equal(await rig.pid("one"), pid, `after ${victim}`);
    }
    // The keeper passes an end on, and ends with the supervisor.
    const { keeperPid } = await rig.client.supervisor();
    assert.ok(keeperPid !== null);
    process.kill(keeperPid, "SIGTERM");
    await eventually(() => !isAlive(keeperPid) && !isAlive(pid), "everything has ended");
  });
}

function shellOf(pid: number | null): string {
  return basename(readlinkSync(`/proc/${pid}/exe`));
}
