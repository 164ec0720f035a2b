/** What reaches the supervisor that no client of ours would send, and clients that do not read. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { createRig, type Rig } from "./rig.ts";

const sleeper = { command: "sleep 1000" };

const requests: Readonly<Record<string, { readonly bytes: string | Buffer; readonly answer: RegExp }>> = {
  "bytes that are no HTTP": { bytes: Buffer.from([0, 255, 1, 254, 10, 13, 10, 10]), answer: /^HTTP\/1\.1 400 / },
  "a header of a megabyte": {
    bytes: `GET /v1/instances HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(1024 * 1024)}\r\n\r\n`,
    answer: /^HTTP\/1\.1 4\d\d /,
  },
  "a path that is not there": {
    bytes: request("GET", "/v2/everything"),
    answer: /^HTTP\/1\.1 400 .*there is no such thing/s,
  },
  "a method that is not there": { bytes: request("DELETE", "/v1/instances"), answer: /^HTTP\/1\.1 400 /s },
  "a path that is badly encoded": { bytes: request("GET", "/v1/services/%E0%A4%A"), answer: /^HTTP\/1\.1 400 / },
  "a body that is no JSON": {
    bytes: request("POST", "/v1/apply", "{services"),
    answer: /^HTTP\/1\.1 400 .*its body is no JSON/s,
  },
  "a body of another shape": {
    bytes: request("POST", "/v1/apply", "[1,2]"),
    answer: /^HTTP\/1\.1 400 .*no list of services/s,
  },
  "a service that is none": {
    bytes: request("POST", "/v1/apply", JSON.stringify({ services: [{ name: "../../etc", command: ["x"] }] })),
    answer: /^HTTP\/1\.1 400 .*is no service name/s,
  },
  "an action that is none": {
    bytes: request("POST", "/v1/actions", '{"action":"explode"}'),
    answer: /^HTTP\/1\.1 400 /,
  },
  "a time that is none": { bytes: request("GET", "/v1/events?since=yesterday"), answer: /^HTTP\/1\.1 400 / },
};

test("garbage is answered with an error, and the supervisor goes on as if nothing had been", async () => {
  await using rig = createRig();
  await rig.up({ web: sleeper });
  const { pid } = await rig.client.supervisor();
  const before = await rig.client.instances();
  for (const [name, { bytes, answer }] of Object.entries(requests)) {
    const socket = open(rig);
    socket.write(bytes);
    const said = await readAll(socket);
    assert.match(said, answer, name);
  }
  assert.equal((await rig.client.supervisor()).pid, pid);
  assert.equal((await rig.instance("web")).pid, before[0]?.pid);
});

test("half a request, and a client that leaves in the middle, hold nobody up", async () => {
  await using rig = createRig();
  await rig.up({ web: sleeper });
  const half = open(rig);
  half.write("POST /v1/apply HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{");
  const gone = Array.from({ length: 50 }, () => open(rig));
  for (const socket of gone) socket.write(request("GET", "/v1/events?follow=1"));
  await Promise.all(gone.map((socket) => once(socket, "readable")));
  for (const socket of gone) socket.destroy();
  await rig.ok("restart", "web");
  assert.equal((await rig.instance("web")).generation, 2);
  half.destroy();
});

test("a client that stops reading events is let go, and costs the supervisor a bounded amount of memory", async () => {
  await using rig = createRig();
  await rig.up({ web: sleeper });
  const lazy = open(rig);
  lazy.pause();
  lazy.write(request("GET", "/v1/events?follow=1"));
  const { pid } = await rig.client.supervisor();
  // Each refused restart is some events; with long names they soon fill what is kept for a reader.
  const targets = Array.from({ length: 4000 }, () => "web");
  for (let count = 0; count < 400; count++) await rig.client.action({ action: "reset", targets });
  assert.equal((await rig.client.supervisor()).pid, pid);
  const closed = once(lazy, "close");
  lazy.on("error", () => {}).resume();
  await closed;
  assert.ok(rssBytes(pid) < 300 * 1024 * 1024, `it uses ${rssBytes(pid)} bytes`);
});

test("the socket is for its owner only", async () => {
  await using rig = createRig();
  await rig.up({ web: sleeper });
  assert.equal(statSync(rig.files.homes.socket).mode & 0o777, 0o600);
});

test("a second supervisor on one home is refused, and the first goes on", async () => {
  await using rig = createRig();
  await rig.up({ web: sleeper });
  const [supervisor, pid] = [await rig.client.supervisor(), await rig.pid("web")];
  const second = await rig.fails("up", "--foreground");
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^error: Cannot run in the foreground: a supervisor runs already$/m);
  assert.match(second.stderr, /^hint: /m);
  // Two at the very same time, on a home that has none yet.
  await using other = createRig();
  other.configure({ web: sleeper });
  const both = await Promise.all([other.lares("up"), other.lares("up")]);
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
    both.map(({ stderr }) => stderr).join("\n"),
  );
  assert.equal((await other.instance("web")).generation, 1);
  assert.deepEqual([(await rig.client.supervisor()).pid, await rig.pid("web")], [supervisor.pid, pid]);
});

test("homes side by side do not touch each other", async () => {
  await using one = createRig();
  await using two = createRig();
  await Promise.all([one.up({ web: sleeper }), two.up({ web: sleeper })]);
  const pid = await two.pid("web");
  assert.notEqual(await one.pid("web"), pid);
  await one.ok("down");
  assert.equal(await two.pid("web"), pid);
});

function open(rig: Rig): Socket {
  return connect(rig.files.homes.socket).on("error", () => {});
}

function request(method: string, path: string, body = ""): string {
  return `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await once(socket, "close");
  return text;
}

function rssBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
