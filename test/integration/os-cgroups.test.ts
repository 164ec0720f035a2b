import assert from "node:assert/strict";
import { closeSync, existsSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  createGroup,
  findCgroupRoot,
  groupPids,
  groupPopulated,
  groupUsage,
  killGroup,
  removeGroup,
  setLimits,
} from "../../src/os/cgroups.ts";
import { closeOnExecAll } from "../../src/os/descriptors.ts";
import { openPidfd, reap } from "../../src/os/pidfd.ts";
import { createPipe } from "../../src/os/pipes.ts";
import { cgroupOf } from "../../src/os/processes.ts";
import { spawn } from "../../src/os/spawn.ts";
import { command, ended, readToEnd, run, shell } from "../../src/os/testing.ts";

closeOnExecAll();
const root = findCgroupRoot();

/** How many descriptors the process gets, and what that makes the stub do. */
const waysIn = [
  [3, "by an inherited descriptor"],
  [12, "by setpriv, when all single digits are taken"],
] as const;

if (root === undefined) {
  test("without a place for groups, none is found", () => assert.equal(root, undefined));
} else {
  const base = join(root.path, `lares-test-${process.pid}`);
  const group = join(base, "web");
  const cgroupProcs = join(group, "cgroup.procs");
  createGroup(group);
  after(() => removeGroup(base));

  describe("a control group", () => {
    test("holds a process from its first instruction", async () => {
      const { output } = await run({ ...command("cat", "/proc/self/cgroup"), cgroupProcs });
      assert.ok(output.includes(`lares-test-${process.pid}/web\n`));
    });

    for (const [count, how] of process.getuid?.() === 0 ? waysIn : []) {
      test(`holds a process of another user, entered ${how}`, async () => {
        const identity = { uid: 65534, gid: 65534, groups: [2] };
        const request = { ...shell("cat /proc/self/cgroup; id -u; id -G; ls /proc/self/fd | wc -l"), cgroupProcs };
        const { output } = await run({ ...request, identity, fds: Array(count).fill(request.fds[0]) });
        assert.match(output, /\/web\n65534\n65534 2\n/);
        assert.equal(Number(output.trim().split("\n").at(-1)), count + 1);
      });
    }

    test("is killed whole, also who fled into another session", async () => {
      const { readEnd, writeEnd } = createPipe();
      const request = { ...shell("setsid sleep 60 & setsid sleep 60 & exec sleep 60"), cgroupProcs };
      const pid = spawn({ ...request, fds: [request.fds[0] ?? 0, writeEnd, writeEnd] });
      closeSync(writeEnd);
      const pidfd = openPidfd(pid) ?? -1;
      while (groupPids(base).length < 3) await new Promise(setImmediate);
      assert.equal(cgroupOf(pid)?.endsWith("/web"), true);
      assert.equal(groupPopulated(base), true);
      assert.equal(removeGroup(base), false);
      killGroup(base);
      await Promise.all([readToEnd(readEnd), ended(pidfd)]);
      assert.deepEqual(reap(pid), { code: null, signal: "SIGKILL" });
      assert.equal(groupPopulated(base), false);
      closeSync(pidfd);
    });

    test("tells what it used", () => {
      assert.ok((groupUsage(group).cpuMs ?? 0) > 0);
    });

    test("says which limits do not hold, and why", () => {
      const unenforced = setLimits(group, { memoryBytes: 2 ** 26, cpuPercent: 150, pids: 20 });
      const files = { memoryBytes: "memory.max", cpuPercent: "cpu.max", pids: "pids.max", memorySoftBytes: "" };
      for (const limit of ["memoryBytes", "cpuPercent", "pids"] as const) {
        const reason = unenforced.find((entry) => entry.limit === limit)?.reason;
        assert.equal(reason === undefined, existsSync(join(group, files[limit])), reason);
      }
    });

    test("is gone after it was removed, which may be done again", () => {
      assert.equal(removeGroup(base), true);
      assert.equal(removeGroup(base), true);
      assert.equal(groupPopulated(base), false);
    });
  });
}
