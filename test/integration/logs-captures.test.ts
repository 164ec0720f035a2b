import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { LogSpec } from "../../src/core/spec.ts";
import { Captures } from "../../src/logs/captures.ts";
import { readLogs } from "../../src/logs/read.ts";
import { tailLines } from "../../src/logs/tail.ts";
import { closeFd, createPipe } from "../../src/os/pipes.ts";

const root = mkdtempSync(join(tmpdir(), "lares-captures-"));
after(() => rmSync(root, { recursive: true }));

const roomy: LogSpec = {
  maxSizeBytes: 4 * 1024 * 1024,
  maxAgeMs: 1e12,
  keep: 3,
  totalBytes: 1e12,
  compress: "none",
  whenFull: "drop",
};

/** Runs a command line as generation 1 of slot 0 of `service`. */
function start(captures: Captures, service: string, program: string | { command: string; limits: LogSpec }) {
  const { command, limits } = typeof program === "string" ? { command: program, limits: roomy } : program;
  const pipe = createPipe({ sizeBytes: 256 * 1024 });
  const child: ChildProcess = spawn("sh", ["-c", `exec ${command}`], { stdio: ["pipe", pipe.writeEnd, "inherit"] });
  closeFd(pipe.writeEnd);
  const ended = Promise.withResolvers<void>();
  const instance = { service, slot: 0, stream: "stdout", generation: 1 } as const;
  const options = { fd: pipe.readEnd, ...instance, limits, onEnd: ended.resolve };
  return { child, capture: captures.capture(options), ended: ended.promise };
}

test("floods share fairly, and a quiet service beside them is heard", async () => {
  const directory = join(root, "fair");
  const captures = new Captures({ directory });
  const floods = ["a", "b", "c"].map((service) => start(captures, service, "yes this is a flood"));
  const quiet = start(captures, "quiet", "cat");

  const written = () => floods.map(({ capture }) => capture.stats.writtenBytes);
  while (written().includes(0)) await setImmediate();
  const before = written();
  const heard: string[] = [];
  quiet.child.stdin?.write("hello 1\n");
  for await (const { text } of readLogs({ directory, services: ["quiet"], follow: true })) {
    heard.push(text);
    // Each flood is to have had its turn many times.
    if (heard.length >= 20 && written().reduce((sum, one) => sum + one) > 100e6) break;
    quiet.child.stdin?.write(`hello ${heard.length + 1}\n`);
  }
  const bytes = written().map((one, index) => one - (before[index] ?? 0));
  for (const { child } of floods) child.kill("SIGKILL");
  quiet.child.stdin?.end();
  await Promise.all([...floods, quiet].map(({ ended }) => ended));
  captures.close();
  await captures.settled();

  assert.deepEqual(
    heard,
    Array.from({ length: heard.length }, (_, at) => `hello ${at + 1}`),
  );
  assert.ok(Math.min(...bytes) * 10 > Math.max(...bytes), `unfair: ${bytes}`);
});

test("floods that rotate all the time never hold the loop for long", async () => {
  const directory = join(root, "held");
  const captures = new Captures({ directory });
  const small = { ...roomy, maxSizeBytes: 64 * 1024, keep: 20 };
  const floods = ["a", "b", "c", "d"].map((service) =>
    start(captures, service, { command: "yes a flood", limits: small }),
  );
  // Processor time of this thread and not what the clock says: other processes may be waited for at any time.
  const turnsMs: number[] = [];
  while (turnsMs.length < 400) turnsMs.push(await cpuMs(() => setImmediate()));
  const hashMs = await cpuMs(() =>
    createHash("sha256")
      .update(Buffer.alloc(hashedMegabytes * 1024 * 1024))
      .digest(),
  );
  for (const { child } of floods) child.kill("SIGKILL");
  await Promise.all(floods.map(({ ended }) => ended));
  captures.close();
  await captures.settled();
  // One in a hundred may be longer: memory is tidied up, and code is compiled.
  const longMs = turnsMs.toSorted((a, b) => b - a)[4] ?? Infinity;
  // A slow processor may take longer, as it does for work that is always the same.
  const limitMs = Math.max(10, (15 * hashMs) / hashedMegabytes);
  assert.ok(longMs <= limitMs, `turns take up to ${longMs} ms, and not ${limitMs} ms`);
});

/** Enough for what the kernel counts in hundredths of a second. */
const hashedMegabytes = 64;

/** Processor time of this thread, in milliseconds. */
async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

test("a program's last words are kept although a child of it still holds the pipe", async () => {
  const directory = join(root, "orphan");
  const captures = new Captures({ directory });
  const { child, capture, ended } = start(captures, "parent", `sh -c 'sleep 1000 & echo $!; echo last words'`);
  const { promise: exited, resolve } = Promise.withResolvers<void>();
  child.once("exit", () => resolve());
  await exited;
  capture.end();
  await ended;
  captures.close();
  const [orphan = "", ...words] = await tailLines(join(directory, "parent"), 0);
  process.kill(Number(orphan), "SIGKILL");
  assert.deepEqual(words, ["last words"]);
});
