/**
 * How long nobody decides: from `kill -9` of the supervisor until the next one has adopted everything and answers `ls`.
 *
 * Beside it what a bare Node needs to start and end, since no recovery can be quicker than that.
 */

import { readFileSync } from "node:fs";
import { get } from "node:http";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { lares } from "./contender-lares.ts";
import { quantile, type Row, report, run, small, temporaryDirectory, timed } from "./tools.ts";

const sizes = small ? [10, 50] : [10, 100, 1000];
const kills = small ? 3 : 10;
/** A supervisor that was only just started has work of its own to finish. */
const restMs = 500;

const bare = await sampleOf(kills, () => timed(() => run([process.execPath, "-e", "0"])));
const rows: Row[] = [];
for (const size of sizes) rows.push(await trial(size));
report("recovery", rows, [
  `node -e 0: ${quantile(bare, 0.5).toFixed(1)} ms (median)`,
  "wanted: 10 services in at most 250 ms, 1,000 in at most 2 s",
]);

async function trial(size: number): Promise<Row> {
  using directory = temporaryDirectory();
  const contender = lares(directory.path);
  const home = path.join(directory.path, "lares/run");
  try {
    const names = Array.from({ length: size }, (_, index) => `sleep${index}`);
    await contender.start(names.map((name) => ({ name, command: ["sleep", "86403"] as const })));
    const before = await pidsAt(home);
    const sample = await sampleOf(kills, () => recovery(home));
    if ((await pidsAt(home))?.join() !== before?.join()) throw new Error("not everything was adopted");
    const median = quantile(sample, 0.5);
    const figures = {
      "median ms": median,
      "p95 ms": quantile(sample, 0.95),
      "/ node -e 0": median / quantile(bare, 0.5),
    };
    return { name: `${size} services`, figures };
  } finally {
    await contender.end();
  }
}

/** Kills the supervisor, and waits until another answers. */
async function recovery(home: string): Promise<number> {
  await pause(restMs);
  const pid = Number(readFileSync(path.join(home, "lares.pid"), "utf8"));
  process.kill(pid, "SIGKILL");
  return timed(async () => {
    while ((await pidsAt(home)) === undefined) await pause(2);
  });
}

/** The pids of all instances; undefined when nobody answers. */
function pidsAt(home: string): Promise<number[] | undefined> {
  const { promise, resolve } = Promise.withResolvers<number[] | undefined>();
  get({ socketPath: path.join(home, "lares.sock"), path: "/v1/instances", agent: false }, async (response) => {
    try {
      const parts = await response.toArray();
      resolve((JSON.parse(Buffer.concat(parts).toString()) as { pid: number }[]).map(({ pid }) => pid));
    } catch {
      resolve(undefined);
    }
  }).on("error", () => resolve(undefined));
  return promise;
}

async function sampleOf(count: number, measure: () => Promise<number>): Promise<number[]> {
  const sample: number[] = [];
  for (let times = 0; times < count; times++) sample.push(await measure());
  return sample;
}
