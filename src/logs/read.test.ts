import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { logDirectory, logs, roomyLimits } from "./capture.fixture.ts";
import { Housekeeper } from "./housekeeper.ts";
import { type ReadOptions, readLogs } from "./read.ts";
import { listSegments } from "./segments.ts";

async function texts(options: ReadOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const line of readLogs(options)) found.push(line.text);
  return found;
}

/** Says `line 0` … `line COUNT-1`, 1 s apart, in segments of a few lines, by turns on two streams of two slots. */
function written(count: number) {
  const log = logs({ limits: { maxSizeBytes: 40 } });
  const instances = [
    log.stream("web", 0, "stdout").start(1),
    log.stream("web", 0, "stderr").start(1),
    log.stream("web", 1, "stdout").start(7),
    log.stream("db", 0, "stdout").start(1),
  ];
  const startMs = log.clock.ms;
  for (let line = 0; line < count; line += 1) {
    instances[(line * 7) % 4]?.say(`line ${line}\n`);
    log.clock.ms += 1_000;
  }
  for (const instance of instances) instance.end();
  return { directory: log.directory, startMs };
}

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `line ${from + at}`);

async function compressAll(directory: string): Promise<void> {
  const keeper = new Housekeeper((error) => assert.fail(error));
  for (const service of ["web", "db"]) keeper.tidy(join(directory, service), { ...roomyLimits, compress: "zstd" });
  await keeper.idle();
  assert.ok(listSegments(join(directory, "web")).every((one) => one.compressed === (one.rotatedAt !== null)));
}

for (const form of ["plain", "compressed"]) {
  test(`streams of several services come merged in the order they were read, ${form}`, async () => {
    const { directory, startMs } = written(100);
    if (form === "compressed") await compressAll(directory);
    assert.deepEqual(await texts({ directory }), numbered(0, 100));
    assert.deepEqual(await texts({ directory, lines: 13 }), numbered(87, 100));
    assert.deepEqual(await texts({ directory, lines: 1_000 }), numbered(0, 100));
    assert.deepEqual(await texts({ directory, lines: 2_000_000 }), numbered(0, 100));
    assert.deepEqual(await texts({ directory, lines: 0 }), []);
    assert.deepEqual(await texts({ directory, sinceMs: startMs + 60_000 }), numbered(60, 100));
    assert.deepEqual(
      await texts({ directory, sinceMs: startMs + 20_000, untilMs: startMs + 29_999 }),
      numbered(20, 30),
    );
    assert.deepEqual(await texts({ directory, sinceMs: startMs + 97_500, lines: 50 }), numbered(98, 100));
    assert.deepEqual(await texts({ directory, grep: /^line [3-5]0$/ }), ["line 30", "line 40", "line 50"]);
  });
}

test("services, slots, streams and text can be asked for, and the last lines are those that match", async () => {
  const { directory } = written(100);
  const every4th = (rest: number) => numbered(0, 100).filter((_, line) => (line * 7) % 4 === rest);
  assert.deepEqual(await texts({ directory, services: ["db"] }), every4th(3));
  assert.deepEqual(await texts({ directory, streams: ["stderr"] }), every4th(1));
  assert.deepEqual(await texts({ directory, services: ["web"], slots: [1] }), every4th(2));
  assert.deepEqual(await texts({ directory, grep: /[12]0$/, lines: 2 }), ["line 10", "line 20"]);
  assert.deepEqual(await texts({ directory, services: ["none"] }), []);
  assert.deepEqual(await texts({ directory: join(directory, "nowhere") }), []);
});

test("a line tells where and when it comes from", async () => {
  const { directory, startMs } = written(3);
  for await (const line of readLogs({ directory, lines: 1 })) {
    assert.deepEqual(line, {
      service: "web",
      slot: 1,
      stream: "stdout",
      generation: 7,
      timeMs: startMs + 2_000,
      text: "line 2",
    });
  }
});

test("the order holds when the wall clock is set back", async () => {
  const log = logs();
  const [one, other] = [log.stream("a").start(1), log.stream("b").start(1)];
  one.say("1\n");
  log.clock.ms -= 3_600_000;
  other.say("2\n");
  log.clock.ms += 10;
  one.say("3\n");
  one.end();
  other.end();
  assert.deepEqual(await texts({ directory: log.directory }), ["1", "2", "3"]);
});

test("any number of last lines is the same as the end of everything", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.nat({ max: 2 }), fc.string({ unit: "grapheme-ascii", maxLength: 30 })), { maxLength: 60 }),
    fc.integer({ min: 1, max: 70 }),
    fc.integer({ min: 10, max: 300 }),
    async (said, lines, maxSizeBytes) => {
      const log = logs({ directory: logDirectory(), limits: { maxSizeBytes } });
      const instances = ["a", "b", "c"].map((service) => log.stream(service).start(1));
      for (const [service, text] of said) {
        instances[service]?.say(`${text}\n`);
        log.clock.ms += 25;
      }
      for (const instance of instances) instance.end();
      const all = await texts({ directory: log.directory });
      assert.deepEqual(
        all,
        said.map(([, text]) => text),
      );
      assert.deepEqual(await texts({ directory: log.directory, lines }), all.slice(-lines));
    },
  );
  await fc.assert(property, { numRuns: 50 });
});

test("without an index lines are still read", async () => {
  const { directory } = written(8);
  for (const segment of listSegments(join(directory, "db"))) rmSync(segment.indexPath);
  assert.deepEqual(await texts({ directory, services: ["db"] }), ["line 1", "line 5"]);
});
