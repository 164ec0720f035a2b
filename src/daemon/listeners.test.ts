import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LaresError } from "../core/errors.ts";
import { Listeners } from "./listeners.ts";

function socketPath(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "lares-listeners-"));
  context.after(() => rmSync(directory, { recursive: true }));
  return join(directory, "web.sock");
}

test("a port is bound when nothing was passed", async () => {
  const listeners = new Listeners({});
  const address = await listeners.listen(createServer(), { host: "127.0.0.1", port: 0 });
  assert.match(address, /^127\.0\.0\.1:\d+$/);
  assert.equal(listeners.passable().length, 1);
  assert.deepEqual(await listeners.drain(), { connections: 0, cut: 0 });
});

test("a taken port is refused with the name of who has it", async () => {
  const other = createServer();
  await once(other.listen(0, "127.0.0.1"), "listening");
  const port = (other.address() as { port: number }).port;
  await assert.rejects(new Listeners({}).listen(createServer(), { host: "127.0.0.1", port }), (error: unknown) => {
    assert.ok(error instanceof LaresError);
    assert.equal(error.code, "busy");
    assert.match(error.message, new RegExp(`^Cannot listen on ${port}: .*${process.pid}`));
    return true;
  });
  other.close();
});

test("an inherited listener is used in place of a port, and its variables are taken away", async (context) => {
  const owner = createServer();
  await once(owner.listen(0, "127.0.0.1"), "listening");
  context.after(() => owner.close());
  const env: Record<string, string | undefined> = { LISTEN_PID: String(process.pid), LISTEN_FDS: "1" };
  const listeners = new Listeners(env);
  assert.deepEqual(env, {});
  assert.deepEqual(listeners.unused, ["unknown"]);
});

test("the file of a Unix socket has its mode and is gone after the drain", async (context) => {
  const path = socketPath(context);
  const listeners = new Listeners({});
  assert.equal(await listeners.listen(createServer(), { path, mode: 0o600 }), path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await listeners.drain();
  assert.equal(existsSync(path), false);
});

test("the file of a Unix socket stays when a successor has inherited it", async (context) => {
  const path = socketPath(context);
  const listeners = new Listeners({});
  await listeners.listen(createServer(), { path });
  listeners.handedOver();
  await listeners.drain();
  assert.equal(existsSync(path), true);
  const successor = new Listeners({});
  await successor.listen(createServer(), { path });
  await successor.drain();
  assert.equal(existsSync(path), false);
});

test("a Unix socket that somebody listens on is refused, and so is a file", async (context) => {
  const path = socketPath(context);
  const listeners = new Listeners({});
  await listeners.listen(
    createServer((socket) => socket.end()),
    { path },
  );
  await assert.rejects(new Listeners({}).listen(createServer(), { path }), { code: "busy" });
  await listeners.drain();
  writeFileSync(path, "mine");
  await assert.rejects(new Listeners({}).listen(createServer() as Server, { path }), { code: "busy" });
});
