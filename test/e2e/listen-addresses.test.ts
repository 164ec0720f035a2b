/** Addresses that take more than opening a socket: privileged ports, IPv6, a port that changes under load. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { ask, startLoad } from "../fixtures/register/load.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";
import { fixture } from "./reload-subjects.ts";
import { createRig } from "./rig.ts";

const plainNode = ["node", fixture("register/http.mjs")];
const settle = { settle: "100ms" };

test("a program without privileges serves a port below 1024, and is reloaded there without loss", async () => {
  await using rig = createRig();
  const port = await freePrivilegedPort();
  const listen = { http: `127.0.0.1:${port}` };
  const env = { PORT: port };
  await rig.up({ web: { command: plainNode, user: "nobody", env, listen, instances: 2, reload: settle } });
  const uids = await Promise.all([0, 1].map(async (slot) => uidsOf(await rig.pid("web", slot)).join()));
  assert.deepEqual(uids, ["65534,65534,65534,65534", "65534,65534,65534,65534"]);
  const { sofar, end } = startLoad({ port }, { clients: 4, keepAlive: false });
  await rig.ok("reload", "web");
  const after = await Promise.all([0, 1].map(async (slot) => String(await rig.pid("web", slot))));
  await eventually(() => after.every((pid) => sofar().answeredBy.has(pid)), "both successors answer");
  assert.deepEqual((await end()).failures, []);
});

test("an IPv6 address is listened on by each slot; on a host without IPv6 that is said", async () => {
  await using rig = createRig();
  const port = await freePort();
  rig.configure({
    web: { command: plainNode, env: { PORT: port }, listen: { http: `[::1]:${port}` }, instances: 2, reload: settle },
  });
  if (!hasIpv6()) {
    assert.match((await rig.fails("up")).stderr, /Cannot listen on ::1/);
    return;
  }
  await rig.ok("up");
  const target = { host: "::1", port };
  const pids = new Set<string>();
  for (let count = 0; pids.size < 2 && count < 100; count++) pids.add(await ask(target));
  assert.equal(pids.size, 2);
  const opened = (await rig.events({ type: "listener_opened" })).map(({ address }) => address);
  assert.ok(opened.length >= 2 && opened.every((address) => address === `::1:${port}` || address === `[::1]:${port}`));
  await assert.rejects(async () => ask({ port }), /ECONNREFUSED/, "IPv4 is somebody else's");
  await rig.ok("reload", "web");
  assert.ok(!pids.has(await ask(target)));
});

test("a changed port is a step of the plan, and under load no request fails on the old one or on the new", async () => {
  await using rig = createRig();
  const [from, to] = [await freePort(), await freePort()];
  const on = (port: number) => ({
    web: {
      command: plainNode,
      env: { PORT: port },
      listen: { http: `127.0.0.1:${port}` },
      ready: { exec: ["sh", "-c", `test -e ${rig.directory}/ready-$LARES_SLOT`] },
      instances: 2,
      reload: settle,
    },
  });
  for (const slot of [0, 1]) rig.write(`ready-${slot}`, "");
  await rig.up(on(from));
  const onOld = startLoad({ port: from }, { clients: 4, keepAlive: false });
  rmSync(`${rig.directory}/ready-1`);
  rig.configure(on(to));
  const planned = await rig.ok("apply", "--dry-run");
  assert.match(planned, new RegExp(`127\\.0\\.0\\.1:${from}.*127\\.0\\.0\\.1:${to}`, "s"));
  const seq = await rig.now();
  const applied = rig.lares("apply");
  // The first slot has moved: both addresses are served, until the successor in the second is ready.
  await rig.event({ type: "spawned", service: "web", slot: 1, after: seq });
  const onNew = startLoad({ port: to }, { clients: 4, keepAlive: false });
  const old = await onOld.end();
  rig.write("ready-1", "");
  assert.equal((await applied).code, 0);
  await eventually(() => onNew.sofar().answeredBy.size === 2, "both answer at the new address");
  assert.deepEqual([...old.failures, ...(await onNew.end()).failures], []);
  assert.ok(old.answered > 0);
});

/** Real, effective, saved and file system user of a process. */
function uidsOf(pid: number): readonly string[] {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
}

/** Tests run as root in continuous integration; one that has no rights to bind such a port fails here. */
async function freePrivilegedPort(): Promise<number> {
  for (let port = 1000; port < 1024; port++) {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    const [event] = await Promise.race([
      once(server, "listening").then(() => ["free"]),
      once(server, "error").then(() => ["taken"]),
    ]);
    server.close();
    if (event === "free") return port;
  }
  throw new Error("no port from 1000 to 1023 is free, or this is not root");
}
