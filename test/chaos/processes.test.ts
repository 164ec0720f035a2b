/** No process can be made: what runs goes on, it is said, and it passes. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../e2e/eventually.ts";
import { createRig } from "../e2e/rig.ts";

for (const shell of ["/bin/dash", "/bin/busybox"]) {
  test(`while no process can be made, services go on, and neither a start nor a supervisor kept by ${shell} is given up`, async () => {
    await using rig = createRig();
    rig.env.LARES_SHELL = shell;
    await rig.up({ steady: { command: "sleep 1000" }, changes: { command: "sleep 1001", restart: { delay: "50ms" } } });
    const steady = await rig.pid("steady");
    const { pid, keeperPid, seq } = await rig.client.supervisor();
    using limit = limitedProcesses([keeperPid ?? pid, pid]);
    process.kill(await rig.pid("changes"), "SIGKILL");
    const failed = await rig.event({ type: "spawn_failed", service: "changes" });
    assert.match(failed.cause ?? "", /the limit of processes is reached/);
    limit.set("max");
    await rig.event({ type: "became_ready", service: "changes", after: failed.seq });
    limit.set(1);
    process.kill(pid, "SIGKILL");
    await eventually(() => /no process can be made here/.test(readFileSync(rig.files.ownLog, "utf8")), "it is said");
    limit.set("max");
    const { adopted, gaps } = await rig.event({ type: "supervisor_recovered", after: seq });
    assert.deepEqual([adopted, gaps], [2, "none"]);
    assert.equal(await rig.pid("steady"), steady);
  });
}

interface Limit extends Disposable {
  set(max: number | "max"): void;
}

/** A group of the pids controller, v1 or v2, in which there can be no more processes than there are. */
function limitedProcesses(pids: readonly number[]): Limit {
  const root = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].find((path) => existsSync(join(path, "cgroup.procs")));
  assert.ok(root, "this machine has a pids controller");
  const group = join(root, `lares-test-${process.pid}`);
  mkdirSync(group);
  for (const pid of pids) writeFileSync(join(group, "cgroup.procs"), String(pid));
  const count = pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/task`).length, 0);
  const set = (max: number | "max") => writeFileSync(join(group, "pids.max"), String(max));
  set(count);
  return {
    set,
    [Symbol.dispose]() {
      for (const pid of readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean))
        writeFileSync(join(root, "cgroup.procs"), pid);
      rmdirSync(group);
    },
  };
}
