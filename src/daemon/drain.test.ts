import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer, get as getHttps } from "node:https";
import { type AddressInfo, connect, createServer as createNetServer, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { drainServer, trackServer } from "./drain.ts";

async function listening(server: Server): Promise<number> {
  trackServer(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

async function fetchWith(agent: Agent, port: number): Promise<{ connection: string | undefined; body: string }> {
  const [response] = (await once(get({ port, agent, host: "127.0.0.1" }), "response")) as [IncomingMessage];
  return { connection: response.headers.connection, body: await text(response) };
}

test("a server without connections is drained at once", async () => {
  const server = createServer();
  await listening(server);
  assert.deepEqual(await drainServer(server), { connections: 0, cut: 0 });
});

test("an idle keep-alive connection may bring one more request, whose answer says that it was the last", async () => {
  const server = createServer((_request, response) => response.end("hello"));
  const port = await listening(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await fetchWith(agent, port)).connection, "keep-alive");
  const drained = drainServer(server, { idlePauseMs: 5_000 });
  assert.deepEqual(await fetchWith(agent, port), { connection: "close", body: "hello" });
  assert.deepEqual(await drained, { connections: 1, cut: 0 });
});

test("a connection that stays idle is ended after the pause", async () => {
  const server = createServer((_request, response) => response.end("hello"));
  const port = await listening(server);
  const agent = new Agent({ keepAlive: true });
  await fetchWith(agent, port);
  assert.deepEqual(await drainServer(server, { idlePauseMs: 20 }), { connections: 1, cut: 0 });
  agent.destroy();
});

test("an answer in flight is finished, though it began before the drain", async () => {
  const server = createServer((_request, response) => {
    response.write("first ");
    server.once("finish-it", () => response.end("second"));
  });
  const port = await listening(server);
  const [response] = (await once(get({ port, host: "127.0.0.1" }), "response")) as [IncomingMessage];
  const drained = drainServer(server, { idlePauseMs: 10 });
  server.emit("finish-it");
  assert.equal(await text(response), "first second");
  assert.equal((await drained).cut, 0);
});

test("a request that began to arrive before the pause ended is answered", async () => {
  const server = createServer((_request, response) => response.end("late"));
  const port = await listening(server);
  const socket = connect(port, "127.0.0.1");
  const [accepted] = await once(server, "connection");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
  while (accepted.bytesRead === 0) await new Promise((resolve) => setImmediate(resolve));
  const drained = drainServer(server, { idlePauseMs: 1 });
  setTimeout(() => socket.write("\r\n"), 50);
  assert.match(await text(socket), /Connection: close[\s\S]*late/);
  assert.equal((await drained).cut, 0);
});

test("what outlives the grace period is cut and counted", async () => {
  const server = createNetServer();
  const port = await listening(server);
  const socket = connect(port, "127.0.0.1");
  await once(server, "connection");
  assert.deepEqual(await drainServer(server, { graceMs: 30 }), { connections: 1, cut: 1 });
  socket.destroy();
});

test("an aborted signal cuts at once", async () => {
  const server = createNetServer();
  const port = await listening(server);
  const socket = connect(port, "127.0.0.1");
  await once(server, "connection");
  assert.equal((await drainServer(server, { graceMs: 60_000, signal: AbortSignal.abort() })).cut, 1);
  socket.destroy();
});

test("an HTTP/2 session finishes its streams and is told to go away", async () => {
  const server = createHttp2Server((_request, response) => {
    setTimeout(() => response.end("done"), 50);
  });
  const port = await listening(server as unknown as Server);
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = client.request({ ":path": "/" });
  stream.end();
  await once(server, "stream");
  const goaway = once(client, "goaway");
  const drained = drainServer(server, { idlePauseMs: 10 });
  assert.equal(await text(stream), "done");
  await goaway;
  assert.deepEqual(await drained, { connections: 1, cut: 0 });
  client.close();
});

test("a WebSocket peer is told that the server goes away", async () => {
  const server = createServer();
  server.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.on("data", () => socket.end());
  });
  const port = await listening(server);
  const socket = connect(port, "127.0.0.1");
  socket.write(
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",
  );
  await once(socket, "data");
  const drained = drainServer(server, { idlePauseMs: 10 });
  const [frame] = await once(socket, "data");
  assert.deepEqual([...frame], [0x88, 0x02, 0x03, 0xe9]);
  socket.end(frame);
  assert.equal((await drained).cut, 0);
});

/** TLS without certificates, which only a test would want. */
const anonymous = {
  ciphers: "ADH-AES128-SHA256:@SECLEVEL=0",
  maxVersion: "TLSv1.2",
  rejectUnauthorized: false,
} as const;

test("HTTPS: an answer in flight is finished, an idle connection is ended after the pause", async () => {
  const server = createHttpsServer({ ...anonymous, dhparam: "auto" }, (_request, response) => {
    server.once("finish-it", () => response.end("done"));
    server.emit("asked");
  });
  const port = await listening(server);
  const idle = connectTls({ ...anonymous, port, host: "127.0.0.1" });
  await once(idle, "secureConnect");
  const request = getHttps({ ...anonymous, port, host: "127.0.0.1" });
  await once(server, "asked");
  const drained = drainServer(server, { idlePauseMs: 20, graceMs: 5_000 });
  const ended = once(idle, "close");
  idle.resume();
  await ended;
  server.emit("finish-it");
  const [response] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(await text(response), "done");
  assert.deepEqual(await drained, { connections: 2, cut: 0 });
});

test("a TLS client that never finishes its handshake is cut at the end", async () => {
  const server = createHttpsServer({ ...anonymous, dhparam: "auto" });
  const port = await listening(server);
  const socket = connect(port, "127.0.0.1");
  await once(server, "connection");
  await drainServer(server, { idlePauseMs: 10, graceMs: 50 });
  socket.destroy();
});
