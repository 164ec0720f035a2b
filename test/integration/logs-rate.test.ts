import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LogSpec } from "../../src/core/spec.ts";
import { Captures } from "../../src/logs/captures.ts";
import type { PressureReport } from "../../src/logs/pressure.ts";
import { listSegments } from "../../src/logs/segments.ts";
import { closeFd, createPipe } from "../../src/os/pipes.ts";

const root = mkdtempSync(join(tmpdir(), "lares-logs-rate-"));
after(() => rmSync(root, { recursive: true }));

const lines = 12_000;
const bytes = Array.from({ length: lines }, (_, at) => lineOf(at + 1).length + 1).reduce((sum, length) => sum + length);
const rateBytes = 400_000;

/** What the program writes: the line's number and as many `x` as that asks for. */
function lineOf(number: number): string {
  return `${number} ${"x".repeat(number % 173)}`;
}

/** Captures a program that writes all lines as fast as it may, through a pipe much smaller than that. */
async function floodAgainstRate(whenFull: LogSpec["whenFull"]) {
  const directory = join(root, whenFull);
  const captures = new Captures({ directory });
  const pipe = createPipe({ sizeBytes: 64 * 1024 });
  const program = join(import.meta.dirname, "logs-fixtures", "numbered.ts");
  const startMs = performance.now();
  spawn(process.execPath, [program, `${lines}`, "7"], { stdio: ["ignore", pipe.writeEnd, "inherit"] });
  closeFd(pipe.writeEnd);
  const reports: PressureReport[] = [];
  const ended = Promise.withResolvers<void>();
  const capture = captures.capture({
    fd: pipe.readEnd,
    ...{ service: "flood", slot: 0, stream: "stdout", generation: 1 },
    limits: {
      ...{ maxSizeBytes: 100_000, maxAgeMs: 1e12, keep: 1e6, totalBytes: 1e12, compress: "none" },
      ...{ whenFull, rateBytes },
    },
    onPressure: (report) => reports.push(report),
    onEnd: ended.resolve,
  });
  await ended.promise;
  const tookMs = performance.now() - startMs;
  captures.close();
  const kept = listSegments(join(directory, "flood"))
    .flatMap(({ path }) => readFileSync(path, "latin1").split("\n"))
    .filter((line) => line !== "");
  return { kept, reports, tookMs, droppedBytes: capture.stats.droppedBytes };
}

test("above its rate a program waits in `block` mode, and no line is lost", async () => {
  const { kept, reports, tookMs, droppedBytes } = await floodAgainstRate("block");
  assert.equal(kept.length, lines);
  assert.ok(kept.every((line, at) => line === lineOf(at + 1)));
  assert.equal(droppedBytes, 0);
  assert.deepEqual([reports[0]?.reason, reports[0]?.mode], ["rate", "block"]);
  // A second's worth is there at the beginning.
  assert.ok(tookMs > 1_000 * (bytes / rateBytes - 1) - 100, `all was there after ${tookMs} ms`);
});

test("above its rate a program's lines are dropped in `drop` mode, as many as is said, and none is torn", async () => {
  const { kept, reports, droppedBytes } = await floodAgainstRate("drop");
  const numbers = kept.map((line) => Number.parseInt(line, 10));
  assert.ok(kept.every((line, at) => line === lineOf(numbers[at] ?? 0)));
  assert.ok(numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0)));
  const ended = reports.filter(({ phase }) => phase === "ended");
  const sum = (key: "droppedLines" | "droppedBytes") => ended.reduce((total, report) => total + report[key], 0);
  assert.ok(kept.length < lines);
  assert.equal(kept.length + sum("droppedLines"), lines);
  assert.equal(sum("droppedBytes"), droppedBytes);
});
