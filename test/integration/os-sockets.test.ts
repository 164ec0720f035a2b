import assert from "node:assert/strict";
import { closeSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { LaresError } from "../../src/core/errors.ts";
import { steerReuseport } from "../../src/os/reuseport.ts";
import { orderReuseport } from "../../src/os/reuseport-order.ts";
import { usablePath } from "../../src/os/socket-address.ts";
import { isAcceptable, listenTcp, listenUnix, peerCredentials } from "../../src/os/sockets.ts";
import { run, shell } from "../../src/os/testing.ts";

const directory = mkdtempSync(join(tmpdir(), "lares-sockets-"));
after(() => rmSync(directory, { recursive: true }));

const isBusy = (error: unknown) => error instanceof LaresError && error.code === "busy";

/** Opens a connection and resolves when the kernel has put it into a queue. */
function dial(target: { port: number; host: string; localPort?: number } | { path: string }) {
  return new Promise<ReturnType<typeof connect>>((resolve, reject) => {
    // Only the address: what a listener returns also has an `fd`, which Node would take for the connection's.
    const address = "path" in target ? { path: target.path } : { host: target.host, port: target.port };
    const from = "localPort" in target ? { localPort: target.localPort } : {};
    const socket = connect({ ...address, ...from }, () => resolve(socket)).on("error", reject);
  });
}

describe("a TCP listener", () => {
  for (const host of ["127.0.0.1", "::1"]) {
    test(`takes a free port of ${host} and tells which`, async () => {
      const listener = listenTcp({ host, port: 0, backlog: 16 });
      assert.equal(listener.host, host);
      assert.ok(listener.port > 0);
      assert.equal(isAcceptable(listener.fd), false);
      const socket = await dial(listener);
      assert.equal(isAcceptable(listener.fd), true);
      socket.destroy();
      closeSync(listener.fd);
    });
  }

  test("names the process that holds its port", () => {
    const { fd, port } = listenTcp({ host: "127.0.0.1", port: 0, backlog: 1 });
    assert.throws(
      () => listenTcp({ host: "127.0.0.1", port, backlog: 1 }),
      (error) => isBusy(error) && String(error).includes(`(pid ${process.pid}) listens there`),
    );
    closeSync(fd);
  });

  test("refuses names and foreign addresses with the reason", () => {
    assert.throws(() => listenTcp({ host: "example.org", port: 0, backlog: 1 }), /it is not an IP address/);
    assert.throws(() => listenTcp({ host: "192.0.2.1", port: 0, backlog: 1 }), /this machine has no such address/);
  });

  test("reaches a child as a blocking socket that is open on exec", async () => {
    const { fd } = listenTcp({ host: "127.0.0.1", port: 0, backlog: 1 });
    const request = shell("grep flags /proc/self/fdinfo/3; cat /proc/net/tcp >/dev/null; readlink /proc/self/fd/3");
    const { output } = await run({ ...request, fds: [0, 0, 0, fd] });
    assert.match(output, /^flags:\s+02\nsocket:/);
    closeSync(fd);
  });
});

test("connections spread evenly over the live listeners of a port, and none reaches the others", async () => {
  const first = listenTcp({ host: "127.0.0.1", port: 0, backlog: 256, reusePort: true });
  const others = [1, 2, 3].map(() => listenTcp({ ...first, backlog: 256, reusePort: true }));
  const listeners = [first, ...others];
  const counts = listeners.map(() => 0);
  const servers = listeners.map(({ fd }, index) =>
    createServer((socket) => {
      counts[index] = (counts[index] ?? 0) + 1;
      socket.resume().on("error", () => {});
    }).listen({ fd }),
  );
  const accepted = async (total: number) => {
    while (counts.reduce((sum, count) => sum + count, 0) < total) await nextTurn();
    return counts;
  };
  steerReuseport(first.fd, [0, 2, 3]);
  const sockets = await Promise.all(Array.from({ length: 240 }, () => dial(first)));
  const [a = 0, dead, b = 0, c = 0] = await accepted(240);
  assert.equal(dead, 0);
  // 80 each are expected, with a standard deviation of 7.3.
  for (const count of [a, b, c]) assert.ok(count > 40 && count < 120, `uneven: ${counts}`);
  steerReuseport(first.fd, [0, 1]);
  sockets.push(...(await Promise.all(Array.from({ length: 60 }, () => dial(first)))));
  assert.deepEqual((await accepted(300)).slice(2), [b, c]);
  steerReuseport(first.fd, [0, 0, 0, 3]);
  sockets.push(...(await Promise.all(Array.from({ length: 200 }, () => dial(first)))));
  const [heavy = 0, , , light = 0] = await accepted(500);
  // 150 and 50 are expected, with a standard deviation of 6.1.
  assert.ok(heavy - a > 1.4 * (light - c), `named thrice it gets thrice as many: ${counts}`);
  steerReuseport(first.fd, []);
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

for (const host of ["127.0.0.1", "::1", "::"]) {
  test(`what comes to ${host} from a reserved port reaches the listener it is reserved for`, async () => {
    const first = listenTcp({ host, port: 0, backlog: 16, reusePort: true });
    const second = listenTcp({ ...first, backlog: 16, reusePort: true });
    const from = 9000 + (process.pid % 900);
    const to = host === "::" ? "127.0.0.1" : host;
    steerReuseport(first.fd, [0], [[from, 1]]);
    const plain = await dial({ host: to, port: first.port });
    assert.deepEqual([isAcceptable(first.fd), isAcceptable(second.fd)], [true, false]);
    const reserved = await dial({ host: to, port: first.port, localPort: from });
    assert.deepEqual([isAcceptable(first.fd), isAcceptable(second.fd)], [true, true]);
    for (const socket of [plain, reserved]) socket.destroy();
    for (const { fd } of [first, second]) closeSync(fd);
  });
}

for (const host of ["127.0.0.1", "0.0.0.0", "::1", "::"]) {
  test(`the order of the listeners on ${host} is found out, also after some were closed, and no connection is made`, () => {
    const first = listenTcp({ host, port: 0, backlog: 16, reusePort: true });
    const [a, b, c, d, e] = [
      first,
      ...[1, 2, 3, 4].map(() => listenTcp({ ...first, backlog: 16, reusePort: true })),
    ].map(({ fd }) => fd) as [number, number, number, number, number];
    assert.deepEqual(orderReuseport([e, b, d, a, c], [0, 1, 2]), [a, b, c, d, e]);
    closeSync(b);
    // The last one moves into the gap.
    assert.deepEqual(orderReuseport([a, c, d, e], [0]), [a, e, c, d]);
    for (const fd of [a, c, d, e]) assert.equal(isAcceptable(fd), false);
    for (const fd of [a, c, d, e]) closeSync(fd);
  });
}

describe("a Unix listener", () => {
  test("has its mode before anybody can connect, and knows its peer", async () => {
    const path = join(directory, "mode.sock");
    const { fd } = listenUnix({ path, backlog: 4, mode: 0o600 });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const socket = await dial({ path });
    const handle = (socket as unknown as { _handle: { fd: number } })._handle;
    assert.deepEqual(peerCredentials(handle.fd), {
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
    socket.destroy();
    closeSync(fd);
  });

  test("replaces the file of a dead one, but never that of a living one or another file", () => {
    const path = join(directory, "stale.sock");
    closeSync(listenUnix({ path, backlog: 1 }).fd);
    const { fd } = listenUnix({ path, backlog: 1 });
    assert.throws(() => listenUnix({ path, backlog: 1 }), isBusy);
    closeSync(fd);
    const precious = join(directory, "precious");
    writeFileSync(precious, "");
    assert.throws(() => listenUnix({ path: precious, backlog: 1 }), /a file that is no socket is there/);
  });

  test("may have a path longer than a socket address", async () => {
    const deep = join(directory, "d".repeat(60), "e".repeat(60));
    mkdirSync(deep, { recursive: true });
    const path = join(deep, "long.sock");
    const { fd } = listenUnix({ path, backlog: 1, mode: 0o600 });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const usable = usablePath(path);
    (await dial({ path: usable.path })).destroy();
    usable.close();
    closeSync(fd);
    closeSync(listenUnix({ path, backlog: 1 }).fd);
  });
});
