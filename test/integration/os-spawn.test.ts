import assert from "node:assert/strict";
import { chmodSync, closeSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { LaresError } from "../../src/core/errors.ts";
import { closeOnExecAll } from "../../src/os/descriptors.ts";
import { openPidfd, reap, signalGroup } from "../../src/os/pidfd.ts";
import { createPipe } from "../../src/os/pipes.ts";
import { pgrpOf, sessionOf } from "../../src/os/processes.ts";
import { type SpawnRequest, spawn } from "../../src/os/spawn.ts";
import { command, ended, readToEnd, run, shell, TEST_PATH } from "../../src/os/testing.ts";

closeOnExecAll();

const directory = mkdtempSync(join(tmpdir(), "lares-spawn-"));
chmodSync(directory, 0o755);
after(() => rmSync(directory, { recursive: true }));

/** Both ways of starting: directly, and through the shell stub. */
const ways: readonly (readonly [string, Partial<SpawnRequest>])[] = [
  ["directly", {}],
  ["through the stub", { listenPid: true }],
];

function file(name: string, options: { content: string; mode: number }): string {
  const path = join(directory, name);
  writeFileSync(path, options.content);
  chmodSync(path, options.mode);
  return path;
}

for (const [way, extra] of ways) {
  describe(`a process started ${way}`, () => {
    test("reports its exit code and the signal that killed it", async () => {
      assert.deepEqual((await run({ ...shell("exit 7"), ...extra })).status, { code: 7, signal: null });
      assert.deepEqual((await run({ ...shell("kill -KILL $$"), ...extra })).status, { code: null, signal: "SIGKILL" });
    });

    test("leads a session and a group of its own, which can be signalled as one", async () => {
      const { readEnd, writeEnd } = createPipe();
      const request = { ...shell("sleep 60 & echo ready; wait"), ...extra };
      const pid = spawn({ ...request, fds: [request.fds[0] ?? 0, writeEnd, writeEnd] });
      closeSync(writeEnd);
      const pidfd = openPidfd(pid) ?? -1;
      assert.equal(sessionOf(pid), pid);
      assert.equal(pgrpOf(pid), pid);
      assert.equal(signalGroup(pid, "SIGKILL"), true);
      // The end of the pipe proves that the background process, which has it too, is dead as well.
      await Promise.all([readToEnd(readEnd), ended(pidfd)]);
      assert.deepEqual(reap(pid), { code: null, signal: "SIGKILL" });
      closeSync(pidfd);
    });

    test("inherits its own descriptors and nothing else", async () => {
      const { output } = await run({ ...command("ls", "/proc/self/fd"), ...extra });
      // The fourth is that of the directory being listed.
      assert.deepEqual(output.trim().split("\n"), ["0", "1", "2", "3"]);
    });

    test("starts with default signal handling and nothing blocked", async () => {
      const { output } = await run({ ...command("cat", "/proc/self/status"), ...extra });
      const masks = output.split("\n").filter((line) => /^Sig(Blk|Ign|Cgt)/.test(line));
      assert.deepEqual(
        masks.map((line) => line.split("\t")[1]),
        Array(3).fill("0".repeat(16)),
      );
    });

    test("gets every variable, also those whose names no shell would accept", async () => {
      const env = {
        PATH: TEST_PATH,
        "app.key": "a b\n'c'",
        "WITH-DASH": "",
        IFS: ":",
        OPTIND: "9",
        SHLVL: "4",
        PWD: "/x",
      };
      const { output, pid } = await run({ ...command("env", "-0"), ...extra, env });
      const expected: Record<string, string> = { ...env, ...(extra.listenPid && { LISTEN_PID: String(pid) }) };
      const seen = output
        .split("\0")
        .filter(Boolean)
        .map((entry) => entry.split(/=(.*)/s).slice(0, 2));
      assert.deepEqual(Object.fromEntries(seen), expected);
    });

    test("gets no variable that was not asked for", async () => {
      const { output } = await run({ ...command("env"), ...extra, env: { PATH: TEST_PATH } });
      assert.deepEqual(
        output
          .trim()
          .split("\n")
          .filter((line) => !/^(PATH|LISTEN_PID)=/.test(line)),
        [],
      );
    });

    test("is called by the name that was asked for", async () => {
      const { output } = await run({ ...command("cat", "/proc/self/cmdline"), ...extra });
      assert.equal(output, "cat\0/proc/self/cmdline\0");
    });

    test("runs in its directory", async () => {
      assert.equal((await run({ ...command("pwd"), directory, ...extra })).output.trim(), directory);
    });

    test("gets 300 descriptors, in order, also where numbers collide", async () => {
      const pipes = Array.from({ length: 150 }, () => createPipe());
      const wanted = pipes.flatMap((pipe) => [pipe.writeEnd, pipe.readEnd]).reverse();
      const script = "for i in $(seq 3 302); do readlink /proc/self/fd/$i; done";
      const names = await run({ ...shell("true"), ...extra, fds: [0, 0, 0, ...wanted] });
      assert.deepEqual(names.status, { code: 0, signal: null });
      const { output } = await run({ ...shell(script), ...extra, fds: [0, 0, 0, ...wanted] });
      const seen = output.trim().split("\n");
      assert.equal(seen.length, 300);
      // Two by two the ends of one pipe, and 150 different ones.
      assert.equal(new Set(seen).size, 150);
      for (let pair = 0; pair < 300; pair += 2) assert.equal(seen[pair], seen[pair + 1]);
      for (const fd of wanted) closeSync(fd);
    });

    test("gets swapped descriptors swapped", async () => {
      const [first, second] = [createPipe(), createPipe()];
      const request = { ...shell("echo to-1; echo to-2 >&2"), ...extra };
      // Sources that are numbers of targets: 1 and 2 must not overwrite each other.
      const low = [first.writeEnd, second.writeEnd];
      const pid = spawn({ ...request, fds: [request.fds[0] ?? 0, ...low] });
      const pidfd = openPidfd(pid) ?? -1;
      for (const fd of low) closeSync(fd);
      assert.deepEqual(await Promise.all([readToEnd(first.readEnd), readToEnd(second.readEnd)]), ["to-1\n", "to-2\n"]);
      await ended(pidfd);
      reap(pid);
      closeSync(pidfd);
    });

    test("is refused with the reason when it cannot be run", () => {
      const script = file("script", { content: "echo hi\n", mode: 0o755 });
      const plain = file("plain", { content: "#!/bin/sh\n", mode: 0o644 });
      const cases: readonly (readonly [Partial<SpawnRequest>, RegExp])[] = [
        [{ file: "no-such-program" }, /^Cannot start "no-such-program": it is in no directory of PATH \(\/usr/],
        [{ file: "/no/such/program" }, /"\/no\/such\/program" does not exist/],
        [{ file: plain }, /plain" is not executable by this user/],
        [{ file: "/tmp" }, /"\/tmp" is a directory/],
        [{ file: "ls", directory: "/no/such" }, /its directory "\/no\/such" does not exist/],
        [{ file: "ls", directory: "/etc/passwd" }, /its directory "\/etc\/passwd" is a file/],
        [{ file: script }, /neither a binary nor a script with a #! line/],
        [{ argv: ["true", "x".repeat(200_000)] }, /argument list and environment are too long/],
        [{ fds: [0, 9999, -1] }, /a descriptor that it should get is not open/],
        [{ fds: [0, 0, 9999] }, /a descriptor that it should get is not open/],
        [{ argv: ["true", "a\0b"] }, /holds a NUL/],
      ];
      for (const [change, message] of cases) {
        assert.throws(
          () => spawn({ ...command("true"), ...extra, ...change }),
          (error: LaresError) => error.code === "spawn_failed" && message.test(error.message),
          String(message),
        );
      }
    });
  });
}

test("a script whose interpreter is missing is refused with that reason", () => {
  const path = file("lost", { content: "#!/no/such/interpreter\n", mode: 0o755 });
  assert.throws(
    () => spawn(command(path)),
    /lost" names the interpreter "\/no\/such\/interpreter", which does not exist/,
  );
});

test("LISTEN_PID is the pid of the program itself", async () => {
  const { output, pid } = await run({ ...shell("echo $LISTEN_PID $$"), listenPid: true });
  assert.equal(output.trim(), `${pid} ${pid}`);
});

test("umask and limits are in force before the program runs", async () => {
  const request = { ...shell("umask; ulimit -Sn; ulimit -Hn; ulimit -c"), umask: 0o027 };
  const { output } = await run({ ...request, limits: { files: 123, coreBytes: 1024 } });
  assert.deepEqual(output.trim().split("\n"), ["0027", "123", "123", "2"]);
});

test("more open files than this process may have are refused", () => {
  const request = { ...command("true"), limits: { files: 2 ** 31 } };
  assert.throws(() => spawn(request), /^LaresError: Cannot allow 2147483648 open files: this process is held to \d+/);
});

test("a niceness is in force, and our own is as before", async () => {
  const own = getPriority();
  const { output } = await run({ ...command("nice"), nice: own + 5 });
  assert.equal(Number(output), own + 5);
  assert.equal(getPriority(), own);
});

test("a step of the stub that fails ends the process with 126 and a line that names it", async () => {
  const { output, status } = await run({ ...command("true"), cgroupProcs: "/dev/full" });
  assert.deepEqual(status, { code: 126, signal: null });
  assert.match(output, /lares: cannot enter cgroup \/dev\/full/);
});
