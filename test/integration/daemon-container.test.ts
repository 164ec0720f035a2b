import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Rig } from "./daemon-rig.ts";

test("as PID 1 of a container it serves, answers probes, and TERM from outside stops it with exit code 0", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn([], { container: true });
  await running.line(/"msg":"ready"/);
  assert.equal(await rig.get(), "hello from 1\n");
  assert.equal((await rig.health("/livez")).status, 200);
  const inner = Number(readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8"));
  // Its end is the container's, so nobody could take over.
  process.kill(inner, "SIGUSR2");
  await running.line(/Cannot upgrade in place: this is process 1/);
  assert.equal(await rig.get(), "hello from 1\n");
  process.kill(inner, "SIGTERM");
  assert.equal((await running.end()).code, 0);
});
