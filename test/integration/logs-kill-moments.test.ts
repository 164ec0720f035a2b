import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { listSegments } from "../../src/logs/segments.ts";
import { pipeNote } from "../../src/os/pipe-note.ts";
import { closeFd, createPipe } from "../../src/os/pipes.ts";

const root = mkdtempSync(join(tmpdir(), "lares-logs-moments-"));
after(() => rmSync(root, { recursive: true }));

const fixture = (name: string) => join(import.meta.dirname, "logs-fixtures", name);
const kills = 40;
/** Enough for a flood to be under way; the moment is drawn from so many milliseconds. */
const momentsMs = 25;

/** What the program writes, by number. */
const lineOf = (number: number) => `${number} ${"x".repeat(number % 173)}`;

/** A sequence that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @returns how many lines there are, each as it has to be; only the very last may have been cut, by the program's end */
function countLines(directory: string): number {
  const segments = listSegments(directory).map(({ path }) => ({ path, text: readFileSync(path, "latin1") }));
  let count = 0;
  for (const { path, text } of segments) {
    const lines = text.split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      count += 1;
      if (line !== lineOf(count)) assert.fail(`line ${count} in ${path} is ${line.slice(0, 200)}`);
    }
    const mayBeCut = path === segments.at(-1)?.path;
    assert.ok(rest === "" || (mayBeCut && lineOf(count + 1).startsWith(rest)), `${path} ends within a line`);
  }
  return count;
}

for (const maxSizeBytes of [700_000, 50_000_000]) {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  test(`killed at ${kills} random moments of a flood, segments of ${maxSizeBytes} bytes, seed ${seed}: every line once`, async () => {
    const random = randomFrom(seed);
    const directory = join(root, `${maxSizeBytes}`);
    const limits = { maxSizeBytes, maxAgeMs: 1e12, keep: 1e6, totalBytes: 1e12, compress: "none", whenFull: "block" };
    const pipe = createPipe({ sizeBytes: 1024 * 1024 });
    const program = spawn(process.execPath, [fixture("numbered.ts"), "20000000", "400"], {
      stdio: ["ignore", pipe.writeEnd, "inherit"],
    });
    const capture = async () => {
      const stdio = ["ignore", "inherit", "inherit", pipe.readEnd, "ipc"] as const;
      const child = spawn(process.execPath, [fixture("capturer.ts"), directory, JSON.stringify(limits)], {
        stdio: [...stdio],
      });
      await once(child, "message");
      return child;
    };
    let underWay = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const victim = await capture();
      await setTimeout(random() * momentsMs);
      victim.kill("SIGKILL");
      await once(victim, "exit");
      if (pipeNote(pipe.readEnd) !== undefined) underWay += 1;
    }
    const last = await capture();
    program.kill("SIGTERM");
    for (const fd of [pipe.writeEnd, pipe.readEnd]) closeFd(fd);
    while ((await once(last, "message"))[0] !== "ended");
    last.disconnect();
    assert.ok(countLines(join(directory, "flood")) > 10_000);
    assert.ok(underWay > 0, "no kill hit a batch that was under way");
  });
}
