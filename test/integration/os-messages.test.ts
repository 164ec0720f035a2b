import assert from "node:assert/strict";
import { closeSync, existsSync, fstatSync, mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createStorePair, receiveFds, sendFds } from "../../src/os/fd-store.ts";
import { bindNotify, receiveNotify } from "../../src/os/notify-socket.ts";
import { openPidfd, reap } from "../../src/os/pidfd.ts";
import { createPipe, pipeBytes, writeNow } from "../../src/os/pipes.ts";
import { spawn } from "../../src/os/spawn.ts";
import { command, ended, run, shell, TEST_PATH, whenReadable } from "../../src/os/testing.ts";

const directory = mkdtempSync(join(tmpdir(), "lares-messages-"));
after(() => rmSync(directory, { recursive: true }));

describe("the descriptor store", () => {
  test("keeps a descriptor that everybody has closed", () => {
    const [into, from] = createStorePair();
    const { readEnd, writeEnd } = createPipe();
    writeNow(writeEnd, Buffer.from("kept"));
    assert.equal(sendFds(into, Buffer.from("log 1"), [readEnd, writeEnd]), true);
    closeSync(readEnd);
    closeSync(writeEnd);
    const message = receiveFds(from);
    assert.equal(message?.data.toString(), "log 1");
    assert.equal(message.fds.length, 2);
    assert.equal(pipeBytes(message.fds[0] ?? -1), 4);
    assert.equal(receiveFds(from), undefined);
    for (const fd of [into, from, ...message.fds]) closeSync(fd);
  });

  test("passes 253 descriptors in one message, closed on exec", async () => {
    const [into, from] = createStorePair();
    assert.equal(sendFds(into, Buffer.from("x"), Array(253).fill(0)), true);
    const { fds = [] } = receiveFds(from) ?? {};
    assert.equal(fds.length, 253);
    const { output } = await run(command("ls", "/proc/self/fd"));
    assert.equal(
      fds.some((fd) => output.split("\n").includes(String(fd))),
      false,
    );
    assert.throws(() => sendFds(into, Buffer.from("x"), Array(254).fill(0)), /254 descriptors/);
    for (const fd of [into, from, ...fds]) closeSync(fd);
  });

  test("says when it is full, and holds at least 250 messages", () => {
    const [into, from] = createStorePair();
    let count = 0;
    while (count < 1_000_000 && sendFds(into, Buffer.from("x"), [])) count++;
    assert.ok(count >= 250, `${count} messages`);
    closeSync(into);
    closeSync(from);
  });

  test("is left open across exec", async () => {
    const [into, from] = createStorePair();
    const request = shell(`readlink /proc/self/fd/${into}`);
    assert.equal((await run(request)).output.trim(), readlinkSync(`/proc/self/fd/${into}`));
    assert.ok(fstatSync(from).isSocket());
    closeSync(into);
    closeSync(from);
  });
});

describe("the notify socket", () => {
  const path = join(directory, "notify.sock");
  const env = { PATH: TEST_PATH, NOTIFY_SOCKET: path };

  test("receives what a program sends, with its credentials", async () => {
    const fd = bindNotify(path, { mode: 0o600 });
    const script = `import os,socket
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"READY=1\\nSTATUS=ok")
s.send(b"x"*5000)`;
    assert.equal(existsSync(path), true);
    const { pid, output } = await run({ ...command("python3", "-c", script), env });
    assert.equal(output, "");
    const first = receiveNotify(fd);
    assert.equal(first?.data.toString(), "READY=1\nSTATUS=ok");
    assert.equal(first.truncated, false);
    assert.deepEqual(first.credentials, { pid, uid: process.getuid?.(), gid: process.getgid?.() });
    assert.equal(receiveNotify(fd)?.truncated, true);
    assert.equal(receiveNotify(fd), undefined);
    closeSync(fd);
  });

  test("lets systemd-notify go on once the descriptor of its barrier is closed", async () => {
    const fd = bindNotify(path);
    const pid = spawn({ ...command("systemd-notify", "--ready"), env });
    const pidfd = openPidfd(pid) ?? -1;
    await whenReadable(fd);
    assert.match(receiveNotify(fd)?.data.toString() ?? "", /READY=1/);
    await whenReadable(fd);
    const barrier = receiveNotify(fd);
    assert.equal(barrier?.data.toString().trim(), "BARRIER=1");
    assert.equal(barrier.fds.length, 1);
    assert.equal(reap(pid), undefined);
    closeSync(barrier.fds[0] ?? -1);
    await ended(pidfd);
    assert.deepEqual(reap(pid), { code: 0, signal: null });
    closeSync(pidfd);
    closeSync(fd);
  });
});
