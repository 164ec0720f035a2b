/** The examples in other languages, as they are but for the port: up, reloaded under load without a failure, down. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ask, type LoadReport, startLoad } from "../fixtures/register/load.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";
import { example } from "./reload-subjects.ts";
import { createRig, type Rig } from "./rig.ts";

for (const [name, service] of [
  ["python-http", "hello"],
  ["nginx", "nginx"],
] as const) {
  test(`${name}: a reload loses no request, on kept and on new connections`, async () => {
    await using rig = createRig();
    const port = await copyOf(rig, name);
    await rig.ok("up");
    const before = await pids(rig);
    const loads = [true, false].map((keepAlive) => startLoad({ port }, { clients: 4, keepAlive }));
    await rig.ok("reload", service);
    for (const { end } of loads) assertUnharmed(await end());
    assert.ok((await pids(rig)).every((pid) => !before.includes(pid)));
  });
}

for (const [name, service, answer] of [
  ["python-asyncio", "echo", "Hello\n"],
  ["socat", "shout", "HELLO\n"],
] as const) {
  test(`${name}: a reload breaks off no conversation`, async () => {
    await using rig = createRig();
    const port = await copyOf(rig, name);
    await rig.ok("up");
    const before = await pids(rig);
    const end = converse(port, { clients: 4, answer });
    await rig.ok("reload", service);
    assertUnharmed(await end());
    assert.ok((await pids(rig)).every((pid) => !before.includes(pid)));
  });
}

test("nginx, by its own reload on a signal: other workers, the same process, and no request lost", async () => {
  await using rig = createRig();
  const port = await copyOf(rig, "nginx");
  await rig.ok("up", "-f", "by-signal.yaml");
  const before = await pids(rig);
  const worker = await ask({ port });
  const { sofar, end } = startLoad({ port }, { clients: 4, keepAlive: false });
  rig.write(
    "nginx.conf",
    readFileSync(join(rig.directory, "nginx.conf"), "utf8").replace("nginx $pid", "changed $pid"),
  );
  await rig.ok("reload", "nginx");
  const others = () => [...sofar().answeredBy].filter((one) => one !== worker);
  await eventually(
    () => others().some((one) => one.startsWith("changed")),
    () => `others answer than ${worker}: ${others()}`,
  );
  assertUnharmed(await end());
  assert.deepEqual(await pids(rig), before);
});

test("shell-notify: its status is shown, and a reload replaces it", async () => {
  await using rig = createRig();
  await copyOf(rig, "shell-notify");
  await rig.ok("up");
  assert.equal((await rig.instance("clock")).statusText, "Telling the time");
  await rig.ok("reload", "clock");
  assert.equal((await rig.instance("clock")).generation, 2);
});

/** Copies an example into the directory of the rig, and gives it a port that is free. */
async function copyOf(rig: Rig, name: string): Promise<number> {
  const port = await freePort();
  cpSync(example(name), rig.directory, { recursive: true });
  for (const file of readdirSync(example(name))) {
    const path = join(rig.directory, file);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/\b808\d\b/g, String(port)));
  }
  return port;
}

/** Clients that each say a line, close their half, and read the answer to its end, without pause. */
function converse(port: number, { clients, answer }: { clients: number; answer: string }): () => Promise<LoadReport> {
  const failures: string[] = [];
  let answered = 0;
  let running = true;
  const client = async () => {
    while (running) {
      const socket = connect(port, "127.0.0.1").setEncoding("utf8");
      socket.end("Hello\n");
      const heard = await socket.toArray().then((parts) => parts.join(""), String);
      if (heard === answer) answered++;
      else failures.push(heard);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return async () => {
    running = false;
    await all;
    return { answered, failures, answeredBy: new Set() };
  };
}

function assertUnharmed({ answered, failures }: LoadReport): void {
  assert.deepEqual([...new Set(failures)], [], `${failures.length} of ${answered} failed`);
  assert.ok(answered > 0);
}

async function pids(rig: Rig): Promise<(number | null)[]> {
  return (await rig.client.instances()).map(({ pid }) => pid);
}
