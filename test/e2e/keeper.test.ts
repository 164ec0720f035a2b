/** The end of everything also comes when the supervisor cannot take part in it. */
import { mkdirSync, rmdirSync } from "node:fs";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "./eventually.ts";
import { pidIn } from "./leftovers.ts";
import { createRig } from "./rig.ts";

test("TERM ends a keeper whose supervisor cannot start", async () => {
  await using rig = createRig();
  rig.configure({ web: { command: "sleep 1000" } });
  // No supervisor gets past this.
  mkdirSync(rig.files.journal);
  const starting = rig.follow("up", "--foreground", "--no-wait");
  const keeper = await eventually(() => pidIn(rig.files.keeperPidFile), "a keeper is there");
  process.kill(keeper, "SIGTERM");
  await eventually(() => !isAlive(keeper), "the keeper ends");
  await starting.end();
  rmdirSync(rig.files.journal);
});

test("TERM while the supervisor is being started again ends everything all the same", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" } });
  const { pid, keeperPid } = await rig.client.supervisor();
  const web = await rig.pid("web");
  process.kill(pid, "SIGKILL");
  process.kill(keeperPid ?? 0, "SIGTERM");
  await eventually(() => !isAlive(keeperPid ?? 0) && !isAlive(web), "everything ends");
});
