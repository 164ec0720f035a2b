import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { get as getHttps, Agent as HttpsAgent } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fromSource, start, tcpListener, temporaryDirectory } from "../fixtures/register/harness.ts";
import { ask } from "../fixtures/register/load.ts";

const timeout = 100_000;

function startOnPort(context: TestContext, fixture: string, env: Record<string, string> = {}) {
  const { fd, port } = tcpListener(context);
  const program = start(context, fixture, { fds: [fd], env: { PORT: String(port), ...env } });
  return { program, port };
}

for (const fixture of ["http.mjs", "http.cjs", "http.ts", "express.mjs", "fastify.mjs", "koa.mjs"]) {
  test(`${fixture} answers on the inherited socket and is ready when it listens`, { timeout }, async (context) => {
    const { program, port } = startOnPort(context, fixture);
    assert.equal(await program.ready, true);
    assert.equal(await ask({ port }), String(program.pid));
    program.terminate();
    assert.deepEqual(await program.exited, { code: 0, signal: null });
  });
}

test("server.address() is that of the inherited socket", { timeout }, async (context) => {
  const { program, port } = startOnPort(context, "http.mjs");
  assert.equal(await program.line("address"), `address {"address":"127.0.0.1","family":"IPv4","port":${port}}`);
});

test("a request in flight is answered, then the program exits in spite of its timers", { timeout }, async (context) => {
  const { program, port } = startOnPort(context, "http.mjs");
  await program.ready;
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  socket.write("GET /?delay=1500 HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "connect");
  // Accepted after it, so by now the slow one is in flight.
  await ask({ port });
  program.terminate();
  const answer = (await socket.toArray()).join("");
  assert.match(answer, /^HTTP\/1\.1 200/);
  assert.match(answer, /Connection: close/i);
  assert.deepEqual(await program.exited, { code: 0, signal: null });
});

test("a second listen on the address fails as it always did, another address is bound as usual", {
  timeout,
}, async (context) => {
  const { program } = startOnPort(context, "two-addresses.mjs");
  assert.equal(await program.line("again"), "again EADDRINUSE");
  const other = Number((await program.line("other")).split(" ")[1]);
  assert.equal(await ask({ port: other }), String(program.pid));
});

test("with two inherited listeners the program is ready when it listens on both", { timeout }, async (context) => {
  const [first, second] = [tcpListener(context), tcpListener(context)];
  const env = { PORT: String(first.port), SECOND_PORT: String(second.port) };
  const program = start(context, "two-addresses.mjs", { fds: [first.fd, second.fd], env });
  await program.line("again");
  assert.equal(await Promise.race([program.ready, ask({ port: first.port }).then(() => "not yet")]), "not yet");
  program.child.kill("SIGUSR2");
  assert.equal(await program.ready, true);
  assert.equal(await ask({ port: second.port }), String(program.pid));
});

test('a program that never listens is ready when it says process.send("ready")', { timeout }, async (context) => {
  const { program } = startOnPort(context, "says-ready.cjs");
  assert.equal(await program.line("waiting"), "waiting function");
  program.child.kill("SIGUSR2");
  assert.equal(await program.ready, true);
});

test("a program that ignores signals lives on, but its successor gets every request", { timeout }, async (context) => {
  const { fd, port } = tcpListener(context);
  const options = { fds: [fd], env: { PORT: String(port) } };
  const program = start(context, "ignores-signals.mjs", options);
  await program.ready;
  const successor = start(context, "http.mjs", options);
  await successor.ready;
  program.terminate();
  await program.line("ignored");
  for (let count = 0; count < 50; count++) assert.equal(await ask({ port }), String(successor.pid));
  assert.equal(program.child.exitCode, null);
});

test("children and worker threads see nothing of the preload", { timeout }, async (context) => {
  const { program } = startOnPort(context, "children.mjs");
  assert.equal(await program.line("child"), 'child {"env":[],"sockets":[],"handlers":0}');
  assert.equal(await program.line("thread"), "thread 0");
});

test("an uncaught exception ends the program as it always did", { timeout }, async (context) => {
  const { fd, port } = tcpListener(context);
  const program = start(context, "throws.mjs", { fds: [fd], env: { PORT: String(port) }, quiet: true });
  await program.ready;
  await assert.rejects(ask({ port }));
  assert.deepEqual(await program.exited, { code: 1, signal: null });
});

test("a plain TCP connection is kept until it ends", { timeout }, async (context) => {
  const { program, port } = startOnPort(context, "net.mjs");
  await program.ready;
  const socket = connect(port, "127.0.0.1");
  socket.write("a");
  await once(socket, "data");
  program.terminate();
  socket.write("b");
  await once(socket, "data");
  socket.end();
  assert.deepEqual(await program.exited, { code: 0, signal: null });
});

test("an HTTP/2 session is told to go away, and its stream in flight is answered", { timeout }, async (context) => {
  const { program, port } = startOnPort(context, "http2.mjs");
  await program.ready;
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":path": "/?delay=1200" }).setEncoding("utf8");
  const goaway = once(session, "goaway");
  await once(session, "remoteSettings");
  program.terminate();
  assert.equal((await goaway)[0], 0);
  assert.deepEqual(await stream.toArray(), [String(program.pid)]);
  assert.deepEqual(await program.exited, { code: 0, signal: null });
});

test("https is served and drained", { timeout }, async (context) => {
  const directory = temporaryDirectory(context);
  const env = { TLS_KEY: join(directory, "key.pem"), TLS_CERT: join(directory, "cert.pem") };
  const subject = ["-nodes", "-subj", "/CN=localhost", "-days", "2"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", env.TLS_KEY, "-out", env.TLS_CERT], {
    stdio: "ignore",
  });
  const { program, port } = startOnPort(context, "https.mjs", env);
  await program.ready;
  const agent = new HttpsAgent({ keepAlive: true, rejectUnauthorized: false });
  const [response] = await once(getHttps({ port, host: "127.0.0.1", agent }), "response");
  assert.deepEqual(await response.setEncoding("utf8").toArray(), [String(program.pid)]);
  program.terminate();
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  agent.destroy();
});

test("a WebSocket is told to go away", { timeout }, async (context) => {
  const { program, port } = startOnPort(context, "ws.mjs");
  await program.ready;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  socket.send("hello");
  assert.equal((await once(socket, "message"))[0].data, "hello");
  program.terminate();
  assert.equal((await once(socket, "close"))[0].code, 1001);
  assert.deepEqual(await program.exited, { code: 0, signal: null });
});

test("a process for which nothing is set is not touched", () => {
  const count = "console.log(process.listenerCount('SIGTERM'), typeof process.send)";
  const output = execFileSync(fromSource.node, ["--import", fromSource.preload, "-e", count], {
    env: { LISTEN_FDS: "1", LISTEN_PID: "1" },
    encoding: "utf8",
  });
  assert.equal(output, "0 undefined\n");
});
