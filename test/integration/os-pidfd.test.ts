import assert from "node:assert/strict";
import { spawn as spawnWithNode } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { exitOf, openPidfd, reap, signalPidfd } from "../../src/os/pidfd.ts";
import { createPipe, pipeBytes, readNow, splice, tee, writeNow } from "../../src/os/pipes.ts";
import { watch } from "../../src/os/poll.ts";
import { execReplace, lockFile } from "../../src/os/process-control.ts";
import { childrenOf, environmentOf, findTagged, isZombie, startTimeOf, usageOf } from "../../src/os/processes.ts";
import { spawn } from "../../src/os/spawn.ts";
import { command, ended, run, shell, TEST_PATH } from "../../src/os/testing.ts";

const directory = mkdtempSync(join(tmpdir(), "lares-pidfd-"));
after(() => rmSync(directory, { recursive: true }));

describe("a pidfd", () => {
  test("signals its process until that is dead, and then nobody", async () => {
    const pid = spawn(command("sleep", "60"));
    const pidfd = openPidfd(pid) ?? -1;
    assert.equal(exitOf(pidfd), "running");
    assert.equal(reap(pid), undefined);
    assert.equal(signalPidfd(pidfd, "SIGTERM"), true);
    await ended(pidfd);
    assert.equal(isZombie(pid), true);
    assert.deepEqual(exitOf(pidfd), { code: null, signal: "SIGTERM" });
    assert.deepEqual(reap(pid), { code: null, signal: "SIGTERM" });
    assert.equal(signalPidfd(pidfd, "SIGTERM"), false);
    assert.equal(reap(pid), "not_child");
    assert.equal(openPidfd(pid), undefined);
    closeSync(pidfd);
  });

  test("tells the exit of a process that somebody else has reaped", async () => {
    const parent = spawnWithNode("sh", ["-c", "sh -c 'read line; exit 5' <&3 & echo $!; wait"], {
      stdio: ["ignore", "pipe", "ignore", "pipe"],
    });
    const [line] = await once(parent.stdout as NonNullable<typeof parent.stdout>, "data");
    const pidfd = openPidfd(Number(line)) ?? -1;
    assert.equal(exitOf(pidfd), "running");
    (parent.stdio[3] as NodeJS.WritableStream).end("go\n");
    await once(parent, "close");
    assert.equal(reap(Number(line)), "not_child");
    const exit = exitOf(pidfd);
    // Linux 6.15 and later know it.
    if (exit !== "unknown") assert.deepEqual(exit, { code: 5, signal: null });
    closeSync(pidfd);
  });
});

describe("watching", () => {
  test("refuses what cannot be watched instead of aborting", () => {
    const file = openSync("/etc/passwd", "r");
    const { readEnd, writeEnd } = createPipe();
    const watching = watch(readEnd, {}, () => {});
    assert.throws(() => watch(file, {}, () => {}), /a file or a device that is always ready/);
    assert.throws(() => watch(9999, {}, () => {}), /EBADF/);
    assert.throws(() => watch(readEnd, {}, () => {}), /it is watched already/);
    watching.close();
    watching.close();
    watch(readEnd, {}, () => {}).close();
    for (const fd of [file, readEnd, writeEnd]) closeSync(fd);
  });

  test("can pause without missing anything, and tells when the reader is gone", async () => {
    const { readEnd, writeEnd } = createPipe();
    let calls = 0;
    const seen = Promise.withResolvers<void>();
    const watching = watch(readEnd, {}, () => {
      calls++;
      seen.resolve();
      watching.pause();
    });
    watching.pause();
    writeNow(writeEnd, Buffer.from("x"));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.equal(calls, 0);
    watching.resume();
    await seen.promise;
    watching.close();
    closeSync(readEnd);
    const events = await new Promise<{ disconnected: boolean }>((resolve) => {
      const writing = watch(writeEnd, { writable: true }, (event) => {
        writing.close();
        resolve(event);
      });
    });
    assert.equal(events.disconnected, true);
    closeSync(writeEnd);
  });

  test("throws what a callback throws where everybody can see it", async () => {
    const script = `
      import { watch } from ${JSON.stringify(new URL("../../src/os/poll.ts", import.meta.url).href)};
      import { createPipe, writeNow } from ${JSON.stringify(new URL("../../src/os/pipes.ts", import.meta.url).href)};
      const { readEnd, writeEnd } = createPipe();
      watch(readEnd, {}, () => { throw new Error("from the callback"); });
      writeNow(writeEnd, Buffer.from("x"));`;
    const { output, status } = await run(command(process.execPath, "--input-type=module", "-e", script));
    assert.match(output, /Error: from the callback/);
    assert.deepEqual(status, { code: 1, signal: null });
  });
});

test("bytes stay in a pipe that was copied by tee until they are spliced into a file", () => {
  const [source, scratch] = [createPipe({ sizeBytes: 65536 }), createPipe({ sizeBytes: 65536 })];
  const path = join(directory, "log");
  const file = openSync(path, "w+");
  const buffer = Buffer.alloc(100);
  assert.equal(source.sizeBytes, 65536);
  assert.equal(tee({ from: source.readEnd, to: scratch.writeEnd, length: 100 }), -1);
  writeNow(source.writeEnd, Buffer.from("hello"));
  assert.equal(tee({ from: source.readEnd, to: scratch.writeEnd, length: 100 }), 5);
  assert.equal(readNow(scratch.readEnd, buffer), 5);
  assert.equal(pipeBytes(source.readEnd), 5);
  assert.equal(splice({ from: source.readEnd, to: file, length: 100, offset: 3 }), 5);
  closeSync(source.writeEnd);
  assert.equal(splice({ from: source.readEnd, to: file, length: 100 }), 0);
  assert.throws(() => splice({ from: file, to: file, length: 1 }), /EINVAL/);
  for (const fd of [source.readEnd, scratch.readEnd, scratch.writeEnd, file]) closeSync(fd);
});

test("/proc tells parents, tags and usage, and undefined for who is gone", async () => {
  const value = `test-${process.pid}`;
  const pid = spawn({ ...command("sleep", "60"), env: { PATH: TEST_PATH, LARES_INSTANCE: value } });
  const pidfd = openPidfd(pid) ?? -1;
  // The kernel files the environment a moment after exec has let the parent go on.
  while (findTagged("LARES_INSTANCE", value).length === 0) await new Promise(setImmediate);
  assert.deepEqual(findTagged("LARES_INSTANCE", value), [pid]);
  assert.equal(environmentOf(pid)?.get("LARES_INSTANCE"), value);
  assert.ok(childrenOf(process.pid).includes(pid));
  assert.ok((usageOf(process.pid)?.rssBytes ?? 0) > 10_000_000);
  assert.ok((usageOf(process.pid)?.cpuMs ?? 0) > 10);
  assert.match(startTimeOf(pid) ?? "", /^\d+$/);
  signalPidfd(pidfd, "SIGKILL");
  await ended(pidfd);
  reap(pid);
  assert.equal(startTimeOf(pid), undefined);
  assert.equal(usageOf(pid), undefined);
  closeSync(pidfd);
});

test("a lock is held by one process, and freed by its end", async () => {
  const path = join(directory, "lock");
  const held = lockFile(path);
  assert.notEqual(held, undefined);
  assert.deepEqual((await run(shell(`flock -n ${path} true`))).status, { code: 1, signal: null });
  closeSync(held ?? -1);
  assert.deepEqual((await run(shell(`flock -n ${path} true`))).status, { code: 0, signal: null });
});

test("a process replaces itself, and survives when it cannot", async () => {
  assert.throws(() => execReplace("/no/such", { argv: ["x"], env: {} }), /ENOENT/);
  const module = JSON.stringify(new URL("../../src/os/process-control.ts", import.meta.url).href);
  const script = `
    import { execReplace } from ${module};
    execReplace("/bin/sh", { argv: ["sh", "-c", "echo $$ $A; exec grep SigIgn /proc/self/status"], env: { A: "b" } });`;
  const { pid, output } = await run(command(process.execPath, "--input-type=module", "-e", script));
  assert.equal(output, `${pid} b\nSigIgn:\t0000000000000000\n`);
});
