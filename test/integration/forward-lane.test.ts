/** From files to a sink: the saved place, whatever happens to the files, the sink and the process. */
import assert from "node:assert/strict";
import { existsSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SinkSpec } from "../../src/core/sink.ts";
import { Lane } from "../../src/forward/lane.ts";
import { Permits } from "../../src/forward/permits.ts";
import { compressSegment } from "../../src/logs/compress.ts";
import { listSegments } from "../../src/logs/segments.ts";
import type { ForwardEvent } from "../../src/protocol/forward.ts";
import { httpServer, logFiles, temporary } from "./forward-fixtures/peers.ts";

type Said = Pick<ForwardEvent, "type" | "cause" | "lostBytes">;

/** A Loki that may be out of order, logs, and lanes between them. */
async function rig() {
  const directory = temporary();
  const state = join(directory.path, "state");
  const logs = join(directory.path, "log");
  const said: Said[] = [];
  const loki = { answer: (_text: string): number => 204 };
  const server = await httpServer((posted) => ({ status: loki.answer(JSON.stringify(posted.body)), body: "no" }));
  const start = (changes: Partial<SinkSpec> = {}) => {
    const target = { by: "loki", url: server.url, headers: {}, labels: {}, tls: {} } as const;
    const sink = { name: "loki", from: "oldest", delayMs: 1, timeoutMs: 60_000, ...target, ...changes } as SinkSpec;
    const service = { service: "api", sinks: [sink], directory: "/", env: {} };
    const say = (event: Said) => said.push(event);
    return new Lane({ service, sink, logDirectory: logs, stateDirectory: state, permits: new Permits(1), say });
  };
  return {
    ...{ said, loki, start, files: logFiles(logs), logs: join(logs, "api"), bookmark: join(state, "loki.json") },
    /** What Loki took, in the order in which it came. */
    taken: () => server.taken.flatMap(({ body }) => linesOf(body)),
    /** Runs a lane until it has nothing more to do. */
    async pass(changes?: Partial<SinkSpec>) {
      const lane = start(changes);
      lane.finish();
      await lane.ended;
      return lane.view(Date.now());
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

test("goes on where it was, through rotation and compression, with both streams in the order of writing", async () => {
  await using trial = await rig();
  const { files, pass, taken, logs, bookmark } = trial;
  files.write("1\n2\n");
  const view = await pass();
  assert.deepEqual([view.deliveredLines, view.lagBytes, view.state], [2, 0, "delivering"]);
  files.write("3\nunfin");
  files.write("4\n", "stderr");
  await pass();
  files.write("ished\n");
  files.rotate();
  const [closed] = listSegments(logs).filter((segment) => segment.rotatedAt !== null);
  assert.ok(closed);
  await compressSegment(logs, closed);
  files.write("6\n");
  await pass();
  assert.deepEqual(taken().sort(), ["1", "2", "3", "4", "6", "unfinished"]);
  assert.equal(statSync(bookmark).mode & 0o777, 0o600);
});

test("tries again until the sink has it, and says when it failed and when it worked again", async () => {
  await using trial = await rig();
  const { files, start, loki, said, taken } = trial;
  let left = 3;
  loki.answer = () => (left-- > 0 ? 503 : 204);
  files.write("1\n");
  const lane = start();
  await until(() => said.length === 1);
  const failing = lane.view(Date.now());
  assert.deepEqual([failing.state, failing.lagBytes, failing.error], ["failing", 2, "it answered 503: no"]);
  assert.ok(failing.lagMs !== null && failing.lagMs < 60_000);
  files.write("2\n");
  await until(() => said.length === 2);
  lane.stop();
  await lane.ended;
  assert.deepEqual(
    said.map(({ type }) => type),
    ["forward_failed", "forward_recovered"],
  );
  assert.deepEqual(taken(), ["1", "2"]);
});

test("lines that are refused are counted and do not hold up the others", async () => {
  await using trial = await rig();
  const { files, pass, loki, said, taken } = trial;
  loki.answer = (text) => (text.includes("bad") ? 400 : 204);
  files.write("1\n2\nbad\n4\n5\nbad\n7\n");
  const view = await pass();
  assert.deepEqual(taken(), ["1", "2", "4", "5", "7"]);
  assert.deepEqual([view.refusedLines, view.deliveredLines], [2, 5]);
  assert.deepEqual(said, [{ type: "forward_refused", cause: "2 lines were refused: it answered 400: no" }]);
});

test("what retention deleted before it was delivered is counted to the byte", async () => {
  await using trial = await rig();
  const { files, pass, said, logs, taken } = trial;
  files.write("1\n");
  await pass();
  files.write("lost\n");
  files.rotate();
  files.write("lost, too\n");
  files.rotate();
  files.write("4\n");
  for (const { path, indexPath, rotatedAt } of listSegments(logs)) {
    if (rotatedAt !== null) for (const file of [path, indexPath]) rmSync(file);
  }
  const view = await pass();
  assert.deepEqual(taken(), ["1", "4"]);
  assert.equal(view.lostBytes, "lost\nlost, too\n".length);
  assert.deepEqual(
    said.map(({ type, lostBytes }) => [type, lostBytes]),
    [["forward_gap", 15]],
  );
});

test("what was delivered may be deleted without a word", async () => {
  await using trial = await rig();
  const { files, pass, said, logs, taken } = trial;
  files.write("1\n");
  files.rotate();
  await pass();
  rmSync(logs, { recursive: true });
  await pass();
  files.write("2\n");
  await pass();
  assert.deepEqual(taken(), ["1", "2"]);
  assert.deepEqual(said, []);
});

test("a file that was cut is begun anew, and that is said", async () => {
  await using trial = await rig();
  const { files, pass, said, logs, taken } = trial;
  files.write("1\n2\n");
  await pass();
  truncateSync(join(logs, "0.stdout.log"), 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  files.write("3\n4\n");
  await pass();
  assert.deepEqual(taken(), ["1", "2", "3", "4"]);
  assert.deepEqual(
    said.map(({ type, lostBytes }) => [type, lostBytes]),
    [["forward_gap", null]],
  );
});

test("a saved place that is damaged costs repetitions and no line", async () => {
  await using trial = await rig();
  const { files, pass, said, bookmark, taken } = trial;
  files.write("1\n");
  await pass();
  writeFileSync(bookmark, '{"lares":1,"str');
  files.write("2\n");
  await pass();
  assert.deepEqual(taken(), ["1", "1", "2"]);
  assert.match(said[0]?.cause ?? "", /^its saved place could not be read/);
  assert.ok(existsSync(`${bookmark}.unreadable`));
});

test("a sink that begins with what comes passes over what is stored", async () => {
  await using trial = await rig();
  const { files, pass, taken } = trial;
  files.write("old\n");
  files.rotate();
  files.write("old, too\n");
  await pass({ from: "now" });
  files.write("new\n");
  files.write("a new stream\n", "stderr");
  await pass({ from: "now" });
  assert.deepEqual(taken().sort(), ["a new stream", "new"]);
});

function linesOf(body: unknown): string[] {
  const { streams } = body as { streams: { values: [string, string][] }[] };
  const values = streams.flatMap((stream) => stream.values);
  return values.sort((a, b) => Number(BigInt(a[0]) - BigInt(b[0]))).map(([, line]) => line);
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadlineMs = performance.now() + 60_000; !holds(); ) {
    assert.ok(performance.now() < deadlineMs, "waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
