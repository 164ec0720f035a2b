import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { LaresError } from "../../src/core/errors.ts";
import { closeOnExecAll } from "../../src/os/descriptors.ts";
import { libc } from "../../src/os/libc.ts";
import { spawn } from "../../src/os/spawn.ts";
import { command, run } from "../../src/os/testing.ts";

closeOnExecAll();

const PR_GET_DUMPABLE = 3;
const identity = { uid: 65534, gid: 65534, groups: [1, 2] };
const status = command("cat", "/proc/self/status");
const isRoot = process.getuid?.() === 0;

/** The words after `name:` in a status file. */
function field(text: string, name: string): string[] {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1]?.trim().split(/\s+/) ?? [];
}

function credentials(text: string) {
  return ["Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapAmb"].map((name) => field(text, name));
}

const none = ["0000000000000000"];
const ofNobody = [Array(4).fill("65534"), Array(4).fill("65534"), ["1", "2"], none, none, none];

if (isRoot) {
  describe("a process of another user, started by root", () => {
    test("has all ids and groups of the user, and no capabilities", async () => {
      assert.deepEqual(credentials((await run({ ...status, identity })).output), ofNobody);
      assert.deepEqual(credentials((await run({ ...status, identity, umask: 0o077 })).output), ofNobody);
    });

    test("may be favoured, although only root may ask for that", async () => {
      assert.equal((await run({ ...command("nice"), identity, nice: -3 })).output.trim(), "-3");
    });

    test("is refused as that user would be", () => {
      assert.throws(() => spawn({ ...command("/root/program"), identity }), /cannot be reached by this user/);
      assert.throws(() => spawn({ ...status, directory: "/root", identity }), /may not be entered by this user/);
    });

    test("leaves us what we were, also when it could not be started", () => {
      const before = credentials(readFileSync("/proc/self/status", "utf8"));
      assert.throws(() => spawn({ ...command("/no/such"), identity }));
      assert.deepEqual(credentials(readFileSync("/proc/self/status", "utf8")), before);
      // Otherwise pidfd_getfd on us would need the right to ptrace everybody.
      assert.equal(libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
    });
  });
} else {
  test("another user, or a negative niceness, is not permitted", () => {
    const notPermitted = (error: LaresError) => error.code === "not_permitted";
    assert.throws(() => spawn({ ...status, identity: { uid: 0, gid: 0, groups: [] } }), notPermitted);
    assert.throws(() => spawn({ ...status, nice: -1 }), notPermitted);
  });
}
