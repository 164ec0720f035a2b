/** systemd's own tool for trying socket activation is the measure: a program sees the same under it and under Lares. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { freePort } from "../e2e/ports.ts";
import { createRig, program } from "../e2e/rig.ts";
import { fromSource } from "../fixtures/register/harness.ts";
import { ask } from "../fixtures/register/load.ts";

const root = join(import.meta.dirname, "../..");
const examples = join(root, "examples/other-languages");
const timeout = 150_000;

test("a program sees the same sockets, names and variables under systemd-socket-activate and under Lares", {
  timeout,
}, async (context) => {
  const ports = [await freePort(), await freePort()];
  const command = ["python3", program("sees-sockets.py")];
  const [first = 0] = ports;
  const activated = activate(context, command, { ports, names: "http:admin" });
  await activated.listens;
  assert.equal(await conversation(first, ""), "well\n");
  const bySystemd = JSON.parse(await activated.line(/^\{/));
  await activated.end();

  await using rig = createRig();
  const listen = { http: `127.0.0.1:${ports[0]}`, admin: `127.0.0.1:${ports[1]}` };
  await rig.up({ web: { command, listen } });
  assert.equal(await conversation(first, ""), "well\n");
  const byLares = JSON.parse((await rig.follow("logs", "web", "-f").line(/\{/)).replace(/^[^{]*/, ""));
  assert.deepEqual(byLares, bySystemd);
  assert.equal(bySystemd["for me"], true);
});

const nodePrograms = ["http.mjs", "express.mjs", "fastify.mjs", "koa.mjs"];
for (const name of nodePrograms) {
  test(`${name} with lares/register serves the socket of systemd-socket-activate`, { timeout }, async (context) => {
    const port = await freePort();
    const path = join(root, "test/fixtures/register", name);
    const command = [fromSource.node, "--import", fromSource.preload, path];
    const activated = activate(context, command, { ports: [port], env: { PORT: String(port) } });
    await activated.listens;
    assert.equal(await ask({ port }), String(activated.pid));
    assert.deepEqual(await activated.end(), [0, null]);
  });
}

for (const [name, command, said, answer] of [
  ["python-http", ["python3", "server.py"], "GET / HTTP/1.0\r\n\r\n", /^HTTP\/1\.0 200 .*Hello from Python/s],
  ["python-asyncio", ["python3", "server.py"], "Hello\n", /^Hello\n$/],
  ["socat", ["./serve.sh"], "Hello\n", /^HELLO\n$/],
] as const) {
  test(`the example ${name} serves the socket of systemd-socket-activate`, { timeout }, async (context) => {
    const port = await freePort();
    const activated = activate(context, command, { ports: [port], directory: join(examples, name) });
    await activated.listens;
    assert.match(await conversation(port, said), answer);
    assert.deepEqual(await activated.end(), [0, null]);
  });
}

interface Activation {
  readonly ports: readonly number[];
  readonly names?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** Listens, and becomes the program at the first connection. */
function activate(context: TestContext, command: readonly string[], activation: Activation) {
  const { ports, names = "http", env = {}, directory = root } = activation;
  const args = [
    ...ports.map((port) => `--listen=127.0.0.1:${port}`),
    `--fdname=${names}`,
    ...Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`),
    ...command,
  ];
  const child = spawn("systemd-socket-activate", args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  const end = async (): Promise<unknown[]> => {
    child.kill("SIGTERM");
    return exited;
  };
  context.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const line = lineReader(child);
  return { pid: child.pid, listens: line(/^Listening on .* as \d+/), line, end };
}

/** The first line, of either stream, that matches; said already or still to come. */
function lineReader({ stdout, stderr }: ChildProcess): (pattern: RegExp) => Promise<string> {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [stdout, stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const wake of waiting) wake();
    });
  }
  return (pattern) =>
    new Promise((resolve) => {
      const look = () => {
        const found = lines.find((line) => pattern.test(line));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
}

/** Says something, and hears all that is answered. */
async function conversation(port: number, said: string): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  socket.end(said);
  return (await socket.toArray()).join("");
}
