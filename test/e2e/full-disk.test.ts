/** A full disk below `log/`: the service goes on, what is lost is counted, and it is said. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { ServiceView } from "../../src/protocol/api.ts";
import { eventually } from "./eventually.ts";
import { createRig, isRoot, program, type Rig } from "./rig.ts";

const underFullDisk = async () => {
  await using rig = createRig();
  await using _disk = mountedSmall(rig);
  const ballast = `${rig.files.homes.log}/ballast`;
  writeFileSync(ballast, Buffer.alloc(1024 * 1024));
  const log = { max_size: "64K", keep: 1000, total: "1G", compress: "none" };
  await rig.up({ web: { command: ["node", program("floods.js")], log }, other: { command: "sleep 1000" } });
  const pressed = await rig.event({ type: "output_pressed", service: "web" });
  assert.match(pressed.cause ?? "", /^stdout: cannot be written \(.*ENOSPC.*\): its output is being dropped$/);
  const { logDroppedBytes } = await eventually(async () => {
    const view = await rig.json<ServiceView>("describe", "web");
    return view.logDroppedBytes > 0 && view;
  }, "bytes are counted as dropped");
  assert.ok(logDroppedBytes > 0);
  const pid = await rig.pid("web");
  await rig.ok("restart", "other");
  assert.equal(await rig.pid("web"), pid, "the service goes on");
  await rig.ok("stop", "web");
  rmSync(ballast);
  await rig.ok("restart", "other");
};

if (isRoot) test("a full disk under the logs stops neither the service nor the supervisor", underFullDisk);

/** A file system of two megabytes in place of the home's logs. */
function mountedSmall(rig: Rig): AsyncDisposable {
  const { log } = rig.files.homes;
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m,mode=750", "lares-e2e", log]);
  return {
    async [Symbol.asyncDispose]() {
      await rig.ok("down");
      execFileSync("umount", [log]);
    },
  };
}
