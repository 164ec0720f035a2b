import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LogSpec } from "../../src/core/spec.ts";
import { Captures } from "../../src/logs/captures.ts";
import { readLogs } from "../../src/logs/read.ts";
import { closeFd, createPipe } from "../../src/os/pipes.ts";

const root = mkdtempSync(join(tmpdir(), "lares-logs-follow-"));
after(() => rmSync(root, { recursive: true }));

const limits: LogSpec = {
  maxSizeBytes: 64 * 1024,
  maxAgeMs: 1e12,
  keep: 1e6,
  totalBytes: 1e12,
  compress: "zstd",
  whenFull: "block",
};

/** Captures a program that writes numbered lines. */
function flood(captures: Captures, options: { service: string; lines: number; batch: number }) {
  const pipe = createPipe({ sizeBytes: 64 * 1024 });
  const program = join(import.meta.dirname, "logs-fixtures", "numbered.ts");
  const arguments_ = [program, String(options.lines), String(options.batch)];
  spawn(process.execPath, arguments_, { stdio: ["ignore", pipe.writeEnd, "inherit"] });
  closeFd(pipe.writeEnd);
  const { promise, resolve } = Promise.withResolvers<void>();
  const instance = { service: options.service, slot: 0, stream: "stdout", generation: 1 } as const;
  captures.capture({ fd: pipe.readEnd, ...instance, limits, onEnd: resolve });
  return promise;
}

test("following from before the first byte sees every line once, through rotation and compression", async () => {
  const directory = join(root, "all");
  const captures = new Captures({ directory });
  const lines = 60_000;
  const ended = Promise.all(["a", "b"].map((service) => flood(captures, { service, lines, batch: 20 })));
  const next = new Map([
    ["a", 1],
    ["b", 1],
  ]);
  for await (const { service, text } of readLogs({ directory, follow: true })) {
    const expected = next.get(service) ?? 0;
    assert.equal(Number.parseInt(text, 10), expected, service);
    next.set(service, expected + 1);
    if ([...next.values()].every((number) => number > lines)) break;
  }
  await ended;
  captures.close();
  await captures.settled();
});

test("following from the last lines goes on without a gap, and a reader that stalls misses nothing", async () => {
  const directory = join(root, "tail");
  const captures = new Captures({ directory });
  const lines = 60_000;
  const ended = flood(captures, { service: "a", lines, batch: 20 });
  let expected: number | undefined;
  for await (const { text } of readLogs({ directory, follow: true, lines: 5 })) {
    const number = Number.parseInt(text, 10);
    if (expected === undefined) {
      expected = number;
      // The program and its capture go on to their end while nobody reads.
      await ended;
      await captures.settled();
    }
    assert.equal(number, expected);
    expected += 1;
    if (expected > lines) break;
  }
  captures.close();
});

test("following ends with its signal", async () => {
  const stop = new AbortController();
  const reading = (async () => {
    for await (const _ of readLogs({ directory: join(root, "silent"), follow: true, signal: stop.signal }));
  })();
  setImmediate(() => stop.abort());
  await reading;
});
