import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { openBytes } from "./byte-source.ts";
import { logDirectory, logs } from "./capture.fixture.ts";
import { compressSegment } from "./compress.ts";
import { lastLines } from "./last-lines.ts";
import type { LogLine } from "./log-line.ts";
import { type ReadOptions, readLogs } from "./read.ts";
import { listSegments, type Segment } from "./segments.ts";

const moment = "20261122T100001.000Z";
/** Bytes with enough line ends, some of them at the end of a frame. */
const content = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 255 }) }, fc.constant(0x0a)), { maxLength: 400 })
  .map((bytes) => Buffer.from(bytes));

/** The only segment of a directory of its own, closed, its file holding `bytes`. */
function closed(bytes: Buffer, extension = "log"): { directory: string; segment: Segment } {
  const directory = logDirectory();
  writeFileSync(join(directory, `0.stdout.${moment}.${extension}`), bytes);
  return { directory, segment: only(directory) };
}

function only(directory: string): Segment {
  const [segment, ...others] = listSegments(directory);
  assert.ok(segment !== undefined && others.length === 0);
  return segment;
}

async function readFrom(segment: Segment, offset: number): Promise<Buffer> {
  const source = await openBytes(segment, { offset, memory: Buffer.alloc(7) });
  const pieces: Buffer[] = [];
  for (let piece = await source.read(); piece.length > 0; piece = await source.read()) pieces.push(Buffer.from(piece));
  await source.close();
  return Buffer.concat(pieces);
}

async function linesOf(options: ReadOptions): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of readLogs(options)) lines.push(line);
  return lines;
}

/** Where the last lines begin, counted in the plainest way. */
function expectedLast(bytes: Buffer, wanted: number) {
  const begins = [0];
  for (const [at, byte] of bytes.entries()) if (byte === 0x0a && at + 1 < bytes.length) begins.push(at + 1);
  const lines = bytes.length === 0 ? 0 : begins.length;
  return lines <= wanted ? { offset: undefined, lines } : { offset: begins[lines - wanted] };
}

test("a compressed segment reads as the plain one did from every place, forwards and back, wherever frames are cut", async () => {
  const property = fc.asyncProperty(content, fc.integer({ min: 1, max: 120 }), async (bytes, frameBytes) => {
    const { directory, segment } = closed(bytes);
    await compressSegment(directory, segment, { frameBytes });
    const compressed = only(directory);
    assert.ok(compressed.compressed);
    for (const offset of [0, 1, frameBytes, bytes.length >> 1, bytes.length, bytes.length + 5])
      assert.deepEqual(await readFrom(compressed, offset), bytes.subarray(offset));
    for (const wanted of [1, 2, 7, 500])
      for (const end of [undefined, bytes.length >> 1])
        assert.deepEqual(
          await lastLines(compressed, { wanted, end }),
          expectedLast(bytes.subarray(0, end ?? bytes.length), wanted),
        );
  });
  await fc.assert(property, { numRuns: 40 });
});

test("whatever is captured comes out of compressed segments as it went in, as a whole and from any time to any other", async () => {
  const said = fc.array(fc.tuple(content, fc.nat({ max: 60 })), { minLength: 1, maxLength: 30 });
  const property = fc.asyncProperty(
    said,
    fc.integer({ min: 1, max: 120 }),
    fc.array(fc.tuple(fc.nat({ max: 2_000 }), fc.nat({ max: 2_000 }), fc.option(fc.nat({ max: 9 }))), { maxLength: 4 }),
    async (chunks, frameBytes, times) => {
      const { directory, clock, stream } = logs({ directory: logDirectory(), limits: { maxSizeBytes: 300 } });
      const startMs = clock.ms;
      const one = stream();
      const instance = one.start(1);
      for (const [chunk, pauseMs] of chunks) {
        clock.ms += pauseMs;
        instance.write(chunk);
        instance.capture.drain();
      }
      instance.end();
      const queries = times.map(([since, until, lines]) => ({
        sinceMs: startMs + since,
        untilMs: startMs + until,
        ...(lines === null ? {} : { lines }),
      }));
      const answers = () => Promise.all(queries.map((query) => linesOf({ directory, ...query })));
      const plain = await answers();
      for (const segment of listSegments(one.directory))
        if (segment.rotatedAt !== null) await compressSegment(one.directory, segment, { frameBytes });
      assert.deepEqual(await answers(), plain);
      const read: Buffer[] = [];
      for (const segment of listSegments(one.directory)) read.push(await readFrom(segment, 0));
      assert.deepEqual(Buffer.concat(read), Buffer.concat(chunks.map(([chunk]) => chunk)));
      const all = await linesOf({ directory });
      for (const [ordinal, { sinceMs, untilMs, lines }] of queries.entries()) {
        const within = all.filter(({ timeMs }) => timeMs >= sinceMs && timeMs <= untilMs);
        assert.deepEqual(
          plain[ordinal],
          lines === undefined ? within : within.slice(Math.max(0, within.length - lines)),
        );
      }
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

test("segments that others compressed are read wholly: one frame, several, and some that are to be skipped", async () => {
  const bytes = Buffer.from("one\ntwo\nthree\n");
  const frames = [bytes.subarray(0, 6), bytes.subarray(6, 6), bytes.subarray(6)].map((part) => zstdCompressSync(part));
  const skipped = Buffer.from("502a4d1803000000616263", "hex");
  for (const file of [[zstdCompressSync(bytes)], frames, [skipped, ...frames, skipped]]) {
    const { segment } = closed(Buffer.concat(file), "log.zst");
    for (const offset of [0, 5, 6, 14, 20]) assert.deepEqual(await readFrom(segment, offset), bytes.subarray(offset));
    assert.deepEqual(await lastLines(segment, { wanted: 2, end: undefined }), { offset: 4 });
    assert.deepEqual(await lastLines(segment, { wanted: 2, end: 8 }), { offset: undefined, lines: 2 });
  }
});

test("files put one behind the other are read wholly, although the last table speaks of the last file only", async () => {
  const { directory, segment } = closed(Buffer.from("one\n"));
  await compressSegment(directory, segment);
  const file = readFileSync(only(directory).path);
  const twice = closed(Buffer.concat([file, file]), "log.zst");
  assert.equal((await readFrom(twice.segment, 2)).toString(), "e\none\n");
});

test("a compressed segment that is cut or damaged is an error, not an end", async () => {
  const bytes = Buffer.from("a line that is long enough to be worth a block of its own\n".repeat(100));
  const { directory, segment } = closed(bytes);
  await compressSegment(directory, segment, { frameBytes: 1_000 });
  const file = readFileSync(only(directory).path);
  for (const bad of [file.subarray(0, 200), file.with(20, (file[20] ?? 0) ^ 0xff)])
    await assert.rejects(readFrom(closed(Buffer.from(bad), "log.zst").segment, 0));
});
