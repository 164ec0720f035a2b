import assert from "node:assert/strict";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { closeFd } from "../os/descriptors.ts";
import { bindNotify, receiveNotify } from "../os/notify-socket.ts";
import { Notifier } from "./notifier.ts";
import { startWatchdog } from "./watchdog.ts";

function directory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "lares-notifier-"));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

function receiver(context: TestContext): { path: string; next: () => string | undefined } {
  const path = join(directory(context), "notify.sock");
  const fd = bindNotify(path);
  context.after(() => closeFd(fd));
  return { path, next: () => receiveNotify(fd)?.data.toString() };
}

test("without NOTIFY_SOCKET nothing is sent and nothing fails", async () => {
  const notifier = await Notifier.open({ env: {} });
  assert.equal(notifier.isConnected, false);
  notifier.ready("up");
});

test("messages arrive in their order", async (context) => {
  const { path, next } = receiver(context);
  const notifier = await Notifier.open({ env: { NOTIFY_SOCKET: path } });
  notifier.status("starting");
  notifier.ready("up");
  notifier.extendTimeout(1_500);
  notifier.stopping();
  assert.equal(next(), "STATUS=starting\n");
  assert.equal(next(), "READY=1\nSTATUS=up\n");
  assert.equal(next(), "EXTEND_TIMEOUT_USEC=1500000\n");
  assert.equal(next(), "STOPPING=1\n");
});

test("a reload carries the monotonic clock in microseconds", async (context) => {
  const { path, next } = receiver(context);
  const notifier = await Notifier.open({ env: { NOTIFY_SOCKET: path } });
  const before = Number(process.hrtime.bigint() / 1000n);
  notifier.reloading();
  const sent = Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)\n$/.exec(next() ?? "")?.[1]);
  assert.ok(sent >= before && sent <= Number(process.hrtime.bigint() / 1000n));
});

test("abstract sockets are reached too", async (context) => {
  const { libc } = await import("../os/libc.ts");
  const name = `lares-test-${process.pid}`;
  const fd = libc.socket(1, 2, 0);
  context.after(() => closeFd(fd));
  const address = Buffer.concat([Buffer.of(1, 0, 0), Buffer.from(name)]);
  assert.equal(libc.bind(fd, address, address.length), 0);
  const notifier = await Notifier.open({ env: { NOTIFY_SOCKET: `@${name}` } });
  notifier.ready();
  assert.equal(receiveNotify(fd)?.data.toString(), "READY=1\n");
});

test("a socket that nobody is behind is reported once, and never thrown", async (context) => {
  const errors: Error[] = [];
  const env = { NOTIFY_SOCKET: join(directory(context), "absent.sock"), PATH: "/nowhere" };
  const notifier = await Notifier.open({ env, onError: (error) => errors.push(error) });
  notifier.ready();
  notifier.status("still here");
  assert.ok(errors.length <= 1);
});

test("readiness is a newline on LARES_READY_FD, which is then closed", async (context) => {
  const path = join(directory(context), "ready");
  const env: Record<string, string | undefined> = { LARES_READY_FD: String(openSync(path, "w")) };
  const fd = Number(env.LARES_READY_FD);
  const notifier = await Notifier.open({ env });
  assert.equal(env.LARES_READY_FD, undefined);
  notifier.ready();
  notifier.ready();
  assert.equal(readFileSync(path, "utf8"), "\n");
  assert.throws(() => fstatSync(fd), { code: "EBADF" });
  assert.throws(() => closeSync(fd), { code: "EBADF" });
});

test("the watchdog is pinged at a third of its interval, unless it is held back", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const sent: unknown[] = [];
  let alive = true;
  const options = { env: { WATCHDOG_USEC: "300000" }, isAlive: () => alive };
  using watchdog = startWatchdog({ send: (message) => sent.push(message) }, options);
  assert.equal(watchdog.intervalMs, 100);
  assert.equal(sent.length, 1);
  context.mock.timers.tick(200);
  assert.deepEqual(sent.at(-1), { watchdog: "ping" });
  assert.equal(sent.length, 3);
  alive = false;
  context.mock.timers.tick(200);
  assert.equal(sent.length, 3);
});

test("a watchdog that was set for another process is none of ours", () => {
  const env = { WATCHDOG_USEC: "200000", WATCHDOG_PID: "1" };
  using watchdog = startWatchdog({ send: () => assert.fail() }, { env });
  assert.equal(watchdog.intervalMs, undefined);
});
