/**
 * How long a crashed service is away: from `kill -9` of a stable one until its successor runs.
 *
 * The program is a shell script that says its pid into a FIFO as its first act. The trial stamps the kill and the arrival
 * of that line with one clock, so that the program's own start (a dash: half a millisecond) is the same in every row.
 */

import { writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Contender } from "./contender.ts";
import { lares } from "./contender-lares.ts";
import { pm2 } from "./contender-pm2.ts";
import { runit } from "./contender-runit.ts";
import { s6 } from "./contender-s6.ts";
import { supervisord } from "./contender-supervisord.ts";
import { quantile, type Row, report, run, small, temporaryDirectory } from "./tools.ts";

const kills = small ? 3 : 20;
/** Longer than every contender's idea of a stable service; runit and s6 wait a second when it is younger. */
const stableMs = 1200;

const rows: Row[] = [];
for (const contender of [lares, pm2, runit, s6, supervisord]) {
  const row = await trial(contender);
  if (row !== null) rows.push(row);
}
const [ours, ...others] = rows.map((row) => row.figures["median ms"] ?? Number.NaN);
const best = Math.min(...others);
report("restart", rows, [
  others.length === 0
    ? "no rival is installed"
    : `lares / the quickest rival: ${((ours ?? Number.NaN) / best).toFixed(2)}`,
  "wanted: lares at most pm2; aim 4 ms",
]);

async function trial(create: (directory: string) => Contender | null): Promise<Row | null> {
  using directory = temporaryDirectory();
  const contender = create(directory.path);
  if (contender === null) return null;
  const fifo = path.join(directory.path, "started");
  const program = path.join(directory.path, "program.sh");
  run(["mkfifo", fifo]);
  writeFileSync(program, `#!/bin/sh\necho $$ >"${fifo}"\nexec sleep 86402\n`, { mode: 0o755 });
  // Open for both directions: neither side ever waits for the other to open it.
  await using starts = await open(fifo, "r+");
  try {
    await contender.start([{ name: "phoenix", command: [program] }]);
    let pid = (await nextStart(starts)).pid;
    const sample: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      await pause(stableMs);
      const killedAt = performance.now();
      process.kill(pid, "SIGKILL");
      const start = await nextStart(starts);
      sample.push(start.at - killedAt);
      pid = start.pid;
    }
    const figures = { "median ms": quantile(sample, 0.5), "p95 ms": quantile(sample, 0.95), kills };
    return { name: contender.name, figures };
  } finally {
    await contender.end();
  }
}

/** The next line of the FIFO, and when it came. */
async function nextStart(starts: FileHandle): Promise<{ pid: number; at: number }> {
  // A read of a FIFO cannot be called off, but it can be answered.
  const deadline = setTimeout(() => void starts.write("0\n"), 15_000);
  const { buffer, bytesRead } = await starts.read(Buffer.alloc(64), 0, 64, null);
  const at = performance.now();
  clearTimeout(deadline);
  const pid = Number(buffer.toString("utf8", 0, bytesRead).split("\n")[0]);
  if (!(pid > 1)) throw new Error("the program was not started within 15 s");
  return { pid, at };
}
