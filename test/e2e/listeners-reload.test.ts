/** The sockets of services: changed, shared, held by somebody else. */
import assert from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { ServiceView } from "../../src/protocol/api.ts";
import { ask, startLoad } from "../fixtures/register/load.ts";
import { freePort, listening } from "./ports.ts";
import { fixture } from "./reload-subjects.ts";
import { createRig } from "./rig.ts";

const settle = { settle: "100ms" };

test("a changed address is opened before the old one is closed, and no request is lost on either", async () => {
  await using rig = createRig();
  const [from, to] = [await freePort(), await freePort()];
  const on = (port: number) => ({
    web: {
      command: ["node", fixture("register/http.mjs")],
      env: { PORT: String(port) },
      listen: { http: `127.0.0.1:${port}` },
      ready: { exec: ["sh", "-c", `test -e ${rig.directory}/ready-$LARES_SLOT`] },
      instances: 2,
      reload: settle,
    },
  });
  for (const slot of [0, 1]) rig.write(`ready-${slot}`, "");
  await rig.up(on(from));
  const { end } = startLoad({ port: from }, { clients: 4, keepAlive: false });
  rmSync(join(rig.directory, "ready-1"));
  rig.configure(on(to));
  const { seq } = await rig.client.supervisor();
  const applied = rig.lares("apply");
  // The first slot has moved, the second one serves the old address until its successor is ready.
  await rig.event({ type: "spawned", service: "web", slot: 1, after: seq });
  assert.match(await ask({ port: to }), /^\d+$/);
  const { failures } = await end();
  assert.deepEqual(failures, []);
  rig.write("ready-1", "");
  assert.equal((await applied).code, 0);
  assert.match(await ask({ port: to }), /^\d+$/);
  await rig.event({ type: "exited", service: "web", slot: 1, after: seq });
  await assert.rejects(async () => ask({ port: from }), /ECONNREFUSED|hang up|ECONNRESET/);
});

test("a port that somebody else holds is named with its holder", async () => {
  await using rig = createRig();
  const holder = await listening();
  const { port } = holder.address() as AddressInfo;
  rig.configure({
    web: { command: "sleep 1000", listen: { http: `127.0.0.1:${port}` }, restart: { policy: "never" } },
  });
  const { stderr } = await rig.fails("up");
  assert.match(stderr, new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${port}: .*\\(pid ${process.pid}\\)`));
  holder.close();
});

test("two services cannot listen on one port", async () => {
  await using rig = createRig();
  const listen = { http: `127.0.0.1:${await freePort()}` };
  const web = { command: "sleep 1000", listen, restart: { policy: "never" } };
  rig.configure({ one: web, two: { ...web, after: ["one"] } });
  const { stderr } = await rig.fails("up");
  assert.match(stderr, /is already the listener `http` of `one`/);
});

test("with port 0 all slots share the port that the kernel chose, which is said, and the next supervisor keeps it", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000", listen: { http: "127.0.0.1:0" }, instances: 3 } });
  const addresses = (await rig.events({ type: "listener_opened" })).map(({ address }) => String(address));
  assert.equal(addresses.length, 3);
  assert.equal(new Set(addresses).size, 1);
  assert.doesNotMatch(addresses[0] ?? "", /:0$/);
  const listening = [{ name: "http", address: addresses[0] }];
  assert.deepEqual((await rig.json<ServiceView>("describe", "web")).listening, listening);
  assert.match(await rig.ok("describe", "web"), new RegExp(`^ +listens +http at ${addresses[0]}$`, "m"));
  const { pid, seq } = await rig.client.supervisor();
  process.kill(pid, "SIGKILL");
  await rig.event({ type: "supervisor_recovered", after: seq });
  assert.deepEqual((await rig.json<ServiceView>("describe", "web")).listening, listening);
  await rig.ok("restart", "web");
  assert.deepEqual((await rig.json<ServiceView>("describe", "web")).listening, listening);
});

test("mode and owner of a unix socket are as configured, also when they change", async () => {
  await using rig = createRig();
  const path = join(rig.directory, "app.sock");
  const web = (mode: string) => ({
    web: {
      command: "sleep 1000",
      listen: { http: { address: `unix:${path}`, mode, owner: "nobody" } },
      reload: settle,
    },
  });
  await rig.up(web("0660"));
  const { mode, uid } = statSync(path);
  assert.deepEqual([mode & 0o777, uid], [0o660, 65534]);
  rig.configure(web("0600"));
  await rig.ok("apply");
  const after = statSync(path);
  assert.deepEqual([after.mode & 0o777, after.uid], [0o600, 65534]);
});
