import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { eventually } from "../e2e/eventually.ts";
import {
  bundlePreload,
  fromSource,
  Program,
  type Runtime,
  tcpListener,
  temporaryDirectory,
  unixListener,
} from "../fixtures/register/harness.ts";
import { startLoad, type Target } from "../fixtures/register/load.ts";

const otherNode = "/usr/bin/node";

interface Trial {
  readonly fd: number;
  readonly target: Target;
  readonly env: Record<string, string>;
  readonly reloads: number;
  readonly runtime?: Runtime;
  /** What every predecessor exits with. */
  readonly code?: number;
}

/** Generations on one socket, each started before the one before it is told to stop, while clients ask without pause. */
async function reloadUnderLoad(context: TestContext, fixture: string, trial: Trial): Promise<void> {
  const { fd, env, target, reloads, runtime = fromSource, code = 0 } = trial;
  const run = () => new Program(fixture, { fds: [fd], env, runtime });
  let current = run();
  const loads = [true, false].map((keepAlive) => startLoad(target, { clients: 8, keepAlive }));
  try {
    assert.equal(await current.ready, true);
    for (let count = 0; count < reloads; count++) {
      await eventually(() => loads.every(({ sofar }) => sofar().answeredBy.size > count), "the latest one answers");
      const predecessor = current;
      current = run();
      assert.equal(await current.ready, true);
      predecessor.terminate();
      assert.deepEqual(await predecessor.exited, { code, signal: null });
    }
    await eventually(() => loads.every(({ sofar }) => sofar().answeredBy.size > reloads), "the last one answers");
  } finally {
    const reports = await Promise.all(loads.map(({ end }) => end()));
    current.terminate();
    await current.exited;
    for (const { answered, answeredBy, failures } of reports) {
      context.diagnostic(`${answered} answers by ${answeredBy.size} processes, ${failures.length} failures`);
      assert.deepEqual(failures.slice(0, 3), []);
    }
  }
}

const timeout = 280_000;
const fixtures: [name: string, reloads: number, code?: number][] = [
  ["http.mjs", 10],
  ["http.cjs", 3],
  ["express.mjs", 3],
  ["fastify.mjs", 3],
  ["fastify-own-handler.mjs", 3],
  ["koa.mjs", 3],
  ["own-handler.mjs", 3, 7],
  ["exits-at-once.mjs", 3],
  ["cluster.mjs", 3],
];

for (const [name, reloads, code = 0] of fixtures) {
  test(`${name} is replaced ${reloads} times under load, and no request is lost`, { timeout }, async (context) => {
    const { fd, port } = tcpListener(context);
    await reloadUnderLoad(context, name, { fd, target: { port }, env: { PORT: String(port) }, reloads, code });
  });
}

test("a program that removes its unix socket before it listens is replaced under load", {
  timeout,
}, async (context) => {
  const { fd, path } = unixListener(context);
  await reloadUnderLoad(context, "unix.mjs", { fd, target: { socketPath: path }, env: { SOCKET: path }, reloads: 3 });
});

if (existsSync(otherNode)) {
  for (const name of ["http.mjs", "http.cjs", "express.mjs", "unix.mjs", "cluster.mjs"]) {
    test(`${name} with the bundle on another Node is replaced under load`, { timeout }, async (context) => {
      const runtime = { node: otherNode, preload: await bundlePreload(temporaryDirectory(context)) };
      const tcp = tcpListener(context);
      const unix = unixListener(context);
      const env = { PORT: String(tcp.port), SOCKET: unix.path };
      const [fd, target] = name === "unix.mjs" ? [unix.fd, { socketPath: unix.path }] : [tcp.fd, { port: tcp.port }];
      await reloadUnderLoad(context, name, { fd, target, env, reloads: 2, runtime });
    });
  }
}
