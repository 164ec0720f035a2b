import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { closeFd } from "../../src/os/descriptors.ts";
import { bindNotify, receiveNotify } from "../../src/os/notify-socket.ts";
import { Rig } from "./daemon-rig.ts";

const admin = { headers: { authorization: "Bearer change me" } };

test("by hand it serves, and TERM stops it gracefully with exit code 0", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn();
  await running.line(/"msg":"ready"/);
  assert.equal(await rig.get(), `hello from ${running.pid}\n`);
  assert.equal(await rig.get("/primes?below=1000"), "168\n");
  const slow = rig.get("/slow?ms=300");
  await rig.get();
  running.kill("SIGTERM");
  assert.equal(await slow, "that took a while\n");
  assert.deepEqual(await running.end(), { code: 0, signal: null });
  assert.match(running.lines.join("\n"), /thank you and good night/);
});

test("health says what issue, operator and probe want to know, and is off while it drains", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn();
  await running.line(/"msg":"ready"/);
  const { status, body } = await rig.health();
  const report = JSON.parse(body);
  assert.equal(status, 200);
  assert.deepEqual([report.status, report.checks.cache.ok, report.checks.workers.ok], ["ok", true, true]);
  assert.equal((await rig.health("/readyz")).status, 200);
  const metrics = (await rig.health("/metrics")).body;
  for (const name of ["process_cpu_seconds_total", "worker_pool_tasks", "http_server_request_duration_seconds"]) {
    assert.match(metrics, new RegExp(name));
  }
  const slow = rig.get("/slow?ms=3000");
  await rig.get();
  running.kill("SIGTERM");
  await running.line(/"msg":"stopping"/);
  assert.equal((await rig.health("/readyz")).status, 503);
  await slow;
  await running.end();
});

for (const [first, second, code] of [
  ["SIGTERM", "SIGTERM", 143],
  ["SIGTERM", "SIGINT", 130],
  ["SIGINT", "SIGINT", 130],
] as const) {
  test(`${second} after ${first} ends it at once`, async (context) => {
    const rig = await Rig.open(context);
    const running = rig.spawn();
    await running.line(/"msg":"ready"/);
    const slow = rig.get("/slow?ms=5000").catch(() => "cut");
    await rig.get();
    running.kill(first);
    await running.line(/"msg":"stopping"/);
    running.kill(second);
    assert.equal((await running.end()).code, code);
    assert.equal(await slow, "cut");
  });
}

test("HUP reloads: what changed is named, a bad file changes nothing, and some keys wait for a restart", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn();
  await running.line(/"msg":"ready"/);
  rig.configure({ greeting: "good day", worker_count: 4, log_level: "debug" });
  running.kill("SIGHUP");
  assert.deepEqual(JSON.parse(await running.line(/"msg":"reloaded"/)).keys.sort(), [
    "greeting",
    "log_level",
    "worker_count",
  ]);
  assert.match(await rig.get(), /^good day/);
  const from = running.lines.length;
  rig.configure({ worker_count: 99 });
  running.kill("SIGHUP");
  assert.match(await running.line(/the reload failed/, from), /worker_count/);
  assert.match(await rig.get(), /^good day/);
  assert.match(JSON.parse((await rig.health()).body).last_error, /worker_count/);
  rig.configure({ port: 1, greeting: "good day", worker_count: 4, log_level: "debug" });
  running.kill("SIGHUP");
  assert.deepEqual(JSON.parse(await running.line(/take effect at the next restart/, from)).keys, ["port"]);
});

test("a change of the file reloads by itself", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn();
  await running.line(/"msg":"ready"/);
  rig.configure({ greeting: "welcome" });
  await running.line(/"msg":"reloaded"/);
  assert.match(await rig.get(), /^welcome/);
});

test("a configuration that is not valid ends the start with 78 and a sentence", async (context) => {
  const rig = await Rig.open(context, { worker_count: 0 });
  const running = rig.spawn();
  assert.equal((await running.end()).code, 78);
  assert.match(running.stderr, /^error: Cannot use ".*config\.json": worker_count: .*\nhint: /);
});

test("a taken port ends the start with the name of who has it", async (context) => {
  const rig = await Rig.open(context);
  const other = createServer();
  await once(other.listen(rig.ports.http), "listening");
  const running = rig.spawn();
  assert.equal((await running.end()).code, 1);
  assert.match(running.stderr, new RegExp(`error: Cannot listen on ${rig.ports.http}: .*${process.pid}`));
  other.close();
});

test("a crash leaves a report and the exit code 70", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn();
  await running.line(/"msg":"ready"/);
  await rig.get("/admin/crash", admin);
  assert.equal((await running.end()).code, 70);
  const [file] = readdirSync(rig.path("state/crashes"));
  const report = JSON.parse(readFileSync(rig.path(`state/crashes/${file}`), "utf8"));
  assert.equal(report.errors[0].message, "somebody asked for a crash");
  assert.match(report.errors[0].stack[0], /routes\.ts/);
  assert.ok(report.logTail.some((line: string) => line.includes('"ready"')));
  assert.deepEqual([report.kind, report.configRevision, report.version], ["uncaughtException", 1, "1.0.0"]);
  assert.match(running.stderr, /crash report: /);
});

test("a part that fails is started again inside the process", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn();
  await running.line(/"msg":"ready"/);
  await rig.get("/admin/break-cache", admin);
  await running.line(/a part failed and is started again/);
  assert.equal((await rig.health("/readyz")).status, 200);
});

test("a hard memory limit ends it with 75, so that it is started again", async (context) => {
  const rig = await Rig.open(context, { max_memory: 1 });
  const running = rig.spawn();
  assert.equal((await running.end()).code, 75);
  assert.match(running.lines.join("\n"), /memory \d+ MiB is over the hard limit of 1 MiB/);
});

test("it tells the service manager: ready, reloading with the clock, stopping; and feeds the watchdog", async (context) => {
  const rig = await Rig.open(context);
  const path = rig.path("notify.sock");
  const fd = bindNotify(path);
  context.after(() => closeFd(fd));
  let received = "";
  const read = () => {
    for (let next = receiveNotify(fd); next; next = receiveNotify(fd)) received += next.data.toString();
  };
  // No more than ten messages wait in the socket: what comes then is lost.
  const reading = setInterval(read, 20);
  context.after(() => clearInterval(reading));
  const running = rig.spawn([], { env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "200000" } });
  await running.line(/"msg":"ready"/);
  running.kill("SIGHUP");
  await running.line(/"msg":"reloaded"/);
  running.kill("SIGTERM");
  await running.end();
  read();
  assert.match(
    received,
    /READY=1\nSTATUS=ready: health .*, http .*\n[\s\S]*RELOADING=1\nMONOTONIC_USEC=\d+\n[\s\S]*READY=1/,
  );
  assert.match(received, /WATCHDOG=1[\s\S]*STOPPING=1[\s\S]*EXTEND_TIMEOUT_USEC=9000000/);
});

test("an inherited listener is served on, whatever the configured port", async (context) => {
  const rig = await Rig.open(context, { port: 1 });
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const fd = (server as unknown as { _handle: { fd: number } })._handle.fd;
  const { port } = server.address() as { port: number };
  const env = { LISTEN_FDS: "1", LISTEN_FDNAMES: "http" };
  const running = rig.spawn([], { env, shell: "/bin/sh", stdio: [fd] });
  await running.line(/"msg":"ready"/);
  server.close();
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assert.match(await answer.text(), new RegExp(`from ${running.pid}`));
});

test("USR1 opens the log again, and the file is where it was", async (context) => {
  const rig = await Rig.open(context);
  const running = rig.spawn();
  await running.line(/"msg":"ready"/);
  running.kill("SIGUSR1");
  await running.line(/the log was reopened/);
});

test("an unwritable place for crash reports and a foreign PID file are no reason to fail quietly", async (context) => {
  const rig = await Rig.open(context);
  mkdirSync(rig.path("run"));
  writeFileSync(rig.path("run/mydaemon.pid"), "1\n");
  const running = rig.spawn(["run", "--pid-file", rig.path("run/mydaemon.pid")], {
    env: { STATE_DIRECTORY: "/dev/null" },
  });
  await running.line(/"msg":"ready"/);
  assert.equal(rig.pid(), running.pid);
  running.kill("SIGTERM");
  await running.end();
  assert.equal(existsSync(rig.path("run/mydaemon.pid")), false);
});
