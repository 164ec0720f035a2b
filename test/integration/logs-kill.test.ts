import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readLogs } from "../../src/logs/read.ts";
import { listSegments } from "../../src/logs/segments.ts";
import { closeFd, createPipe } from "../../src/os/pipes.ts";

const root = mkdtempSync(join(tmpdir(), "lares-logs-kill-"));
after(() => rmSync(root, { recursive: true }));

const fixture = (name: string) => join(import.meta.dirname, "logs-fixtures", name);
const limits = {
  maxSizeBytes: 1024 * 1024,
  maxAgeMs: 1e12,
  keep: 1e6,
  totalBytes: 1e12,
  whenFull: "block",
};

/** What the program writes: the line's number and as many `x` as that asks for. */
const lineOf = (number: number) => `${number} ${"x".repeat(number % 173)}`;

/** Goes through all segments as any other program would: each ends a line. */
function countNumberedLines(directory: string): number {
  let count = 0;
  for (const segment of listSegments(directory)) {
    const lines = readFileSync(segment.path, "latin1").split("\n");
    assert.equal(lines.pop(), "", `${segment.path} ends within a line`);
    for (const line of lines) {
      count += 1;
      if (line !== lineOf(count)) assert.fail(`line ${count} of ${segment.path} is ${line}`);
    }
  }
  return count;
}

/** The same through our own reader. */
async function readNumberedLines(directory: string): Promise<number> {
  let count = 0;
  for await (const { text } of readLogs({ directory })) {
    count += 1;
    if (text !== lineOf(count)) assert.fail(`line ${count} is read as ${text}`);
  }
  return count;
}

for (const { lines, batch, kills, compress } of [
  { lines: 900_000, batch: 50, kills: 12, compress: "none" },
  { lines: 400_000, batch: 1, kills: 12, compress: "none" },
  { lines: 300_000, batch: 50, kills: 12, compress: "zstd" },
]) {
  const how = `${batch} lines a write, compression ${compress}`;
  test(`every line is kept once and in order when the capture is killed ${kills} times in a flood, ${how}`, async () => {
    const directory = join(root, how);
    const service = join(directory, "flood");
    mkdirSync(service, { recursive: true });
    const pipe = createPipe({ sizeBytes: 1024 * 1024 });
    const writer = spawn(process.execPath, [fixture("numbered.ts"), String(lines), String(batch)], {
      stdio: ["ignore", pipe.writeEnd, "inherit"],
    });
    closeFd(pipe.writeEnd);
    const capturer = () =>
      spawn(process.execPath, [fixture("capturer.ts"), directory, JSON.stringify({ ...limits, compress })], {
        stdio: ["ignore", "inherit", "inherit", pipe.readEnd, "ipc"],
      });

    for (let kill = 0; kill < kills; kill += 1) {
      const victim = capturer();
      await once(victim, "message");
      await changes(service, 1 + ((kill * 5) % 16));
      await killed(victim);
    }
    assert.equal(writer.exitCode, null, "the flood was over before the last kill");
    const last = capturer();
    closeFd(pipe.readEnd);
    while ((await once(last, "message"))[0] !== "ended");
    last.disconnect();

    assert.equal(compress === "none" ? countNumberedLines(service) : await readNumberedLines(directory), lines);
  });
}

/** Waits until files were made and renamed so many times: so some kills fall into the midst of a rotation. */
async function changes(directory: string, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  const watcher = watch(directory, (event) => {
    if (event === "rename") seen += 1;
    if (seen >= count) resolve();
  });
  await promise;
  watcher.close();
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
