import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { logs } from "./capture.fixture.ts";
import type { PressureReport } from "./pressure.ts";
import { tailLines } from "./tail.ts";

/** Any bytes, with many newlines, carriage returns and cut UTF-8 among them. */
const chunk = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: "grapheme", maxLength: 100 }).map((text) => Buffer.from(text)),
  fc.array(fc.constantFrom(0x0a, 0x0d, 0xc3, 0x41), { maxLength: 50 }).map((bytes) => Uint8Array.from(bytes)),
);

test("any bytes come out as they went in, and no line is torn that a segment could hold", () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 30 }), fc.integer({ min: 20, max: 2_000 }), (chunks, maxSizeBytes) => {
      const service = logs({ limits: { maxSizeBytes } }).stream();
      const instance = service.start(1);
      for (const bytes of chunks) {
        instance.write(bytes);
        if (bytes.length % 3 === 0) instance.capture.drain();
      }
      instance.end();
      const segments = service.contents();
      assert.deepEqual(Buffer.concat(segments), Buffer.concat(chunks));
      for (const [at, segment] of segments.slice(0, -1).entries()) {
        const torn = segment.at(-1) !== 0x0a;
        const lastLine = segment.length - 1 - segment.lastIndexOf(0x0a);
        assert.ok(!torn || lastLine >= maxSizeBytes, `segment ${at} of ${segment.length} bytes tears a short line`);
      }
    }),
    { numRuns: 200 },
  );
});

test("a line of 10 MB in small segments comes out whole when they are put together", () => {
  const service = logs({ limits: { maxSizeBytes: 1_000_000 } }).stream();
  const instance = service.start(1);
  const line = Buffer.alloc(10_000_000, "0123456789");
  instance.write(line);
  instance.write("\nshort\n");
  instance.end();
  const segments = service.contents();
  assert.equal(Buffer.compare(Buffer.concat(segments), Buffer.concat([line, Buffer.from("\nshort\n")])), 0);
  assert.ok(segments.every((segment) => segment.length <= 2_000_000));
});

test("a stream that says nothing makes no file", () => {
  const service = logs().stream();
  service.start(1).end();
  assert.ok(!existsSync(service.directory));
});

test("what a dead generation left unfinished is a line of its own to a reader", async () => {
  const service = logs().stream();
  const first = service.start(1);
  first.write("one\nunfinished");
  first.end();
  const second = service.start(2);
  second.write("two\n");
  second.end();
  assert.equal(Buffer.concat(service.contents()).toString(), "one\nunfinishedtwo\n");
  assert.deepEqual(await tailLines(service.directory, 0), ["one", "unfinished", "two"]);
  assert.deepEqual(await tailLines(service.directory, 0, { generation: 1 }), ["one", "unfinished"]);
});

test("generations that overlap do not cut each other's lines", async () => {
  const service = logs().stream();
  const old = service.start(1);
  const young = service.start(2);
  old.write("old 1\nol");
  old.capture.take();
  young.write("young 1\nyou");
  young.capture.take();
  old.write("d 2\n");
  old.capture.take();
  young.write("ng 2\n");
  young.end();
  old.end();
  assert.deepEqual(await tailLines(service.directory, 0), ["old 1", "young 1", "old 2", "young 2"]);
  assert.equal(Buffer.concat(service.contents()).toString(), "old 1\nyoung 1\nold 2\nyoung 2\n");
});

test("a rotation that was asked for waits for the end of the line", () => {
  const service = logs().stream();
  const instance = service.start(1);
  instance.write("a\nb");
  instance.capture.drain();
  service.writer.askRotation();
  instance.write("c\nd\n");
  instance.end();
  assert.deepEqual(service.contents().map(String), ["a\nbc\n", "d\n"]);
});

test("lines can be watched while they are captured", () => {
  const service = logs().stream();
  const instance = service.start(1);
  const seen: string[] = [];
  const stop = instance.capture.watchLines((line) => seen.push(line));
  instance.write("listening on");
  instance.capture.drain();
  instance.write(" é8080\nmore\nrest");
  instance.capture.drain();
  stop();
  instance.write("unseen\n");
  instance.end();
  assert.deepEqual(seen, ["listening on é8080", "more"]);
});

test("above its rate a service loses whole lines, and their number is said", () => {
  const service = logs({ limits: { rateBytes: 10_000 } }).stream();
  const reports: PressureReport[] = [];
  const instance = service.start(1, { onPressure: (report) => reports.push(report) });
  const lines = Array.from({ length: 3_000 }, (_, at) => `line ${at}\n`);
  for (const line of lines) {
    instance.write(line);
    instance.capture.drain();
  }
  instance.end();
  const written = Buffer.concat(service.contents()).toString();
  const kept = written.split("\n").length - 1;
  assert.ok(written.endsWith("\n"));
  assert.deepEqual(
    reports.map((report) => report.phase),
    ["started", "ended"],
  );
  assert.equal(kept + (reports[1]?.droppedLines ?? 0), lines.length);
  assert.equal(written.length + (reports[1]?.droppedBytes ?? 0), lines.join("").length);
});
