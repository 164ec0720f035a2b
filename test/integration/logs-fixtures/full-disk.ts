/**
 * Floods the file system of 2 MB at DIRECTORY until it is full, makes room, and prints as JSON what became of the lines.
 * Arguments: DIRECTORY, `drop` or `block`.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import { Captures } from "../../../src/logs/captures.ts";
import type { PressureReport } from "../../../src/logs/pressure.ts";
import { listSegments } from "../../../src/logs/segments.ts";
import { setNonBlocking } from "../../../src/os/descriptors.ts";
import { closeFd, createPipe, writeNow } from "../../../src/os/pipes.ts";

const [, , directory = "", mode = ""] = process.argv;
const ballast = join(directory, "ballast");
writeFileSync(ballast, Buffer.alloc(1024 * 1024));

const reports: PressureReport[] = [];
const ended = Promise.withResolvers<void>();
const pipe = createPipe({ sizeBytes: 64 * 1024 });
setNonBlocking(pipe.writeEnd, true);
const captures = new Captures({ directory });
const capture = captures.capture({
  fd: pipe.readEnd,
  ...{ service: "flood", slot: 0, stream: "stdout", generation: 1 },
  limits: {
    ...{ maxSizeBytes: 300_000, maxAgeMs: 1e12, keep: 1e6, totalBytes: 1e12, compress: "none" },
    whenFull: mode === "block" ? "block" : "drop",
  },
  onPressure: (report) => reports.push(report),
  onEnd: ended.resolve,
});

const lineOf = (number: number) => `${number} ${"x".repeat(number % 173)}\n`;
let lines = 0;
let isRoomy = false;

function makeRoom(): void {
  isRoomy = true;
  rmSync(ballast, { force: true });
}

async function writeLine(): Promise<void> {
  lines += 1;
  for (let rest = Buffer.from(lineOf(lines)); rest.length > 0; ) {
    const written = writeNow(pipe.writeEnd, rest);
    rest = rest.subarray(Math.max(0, written));
    if (written < 0 && reports.length === 1) makeRoom();
    if (written < 0) await setImmediate();
  }
  // Once there is room, slowly: it must not be full again before it was good for a second.
  if (lines % 50 === 0) await (isRoomy ? setTimeout(20) : setImmediate());
}

while (reports.length === 0) await writeLine();
while (reports.length === 1) {
  await writeLine();
  if (capture.stats.droppedBytes > 200_000) makeRoom();
}
for (let more = 0; more < 500; more += 1) await writeLine();
closeFd(pipe.writeEnd);
await ended.promise;
captures.close();

const text = listSegments(join(directory, "flood"))
  .map((segment) => readFileSync(segment.path, "latin1"))
  .join("");
const kept = text.split("\n").slice(0, -1);
const numbers = kept.map((line) => Number.parseInt(line, 10));
console.log(
  JSON.stringify({
    reports,
    lines,
    kept: kept.length,
    torn: kept.filter((line, at) => `${line}\n` !== lineOf(numbers[at] ?? 0)).length,
    inOrder: numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0)),
    droppedBytes: capture.stats.droppedBytes,
  }),
);
