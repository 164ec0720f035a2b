/**
 * Our worker pool beside piscina alone: small tasks, as many at a time as there are threads and more waiting.
 *
 * usage: node bench/daemon-pool.ts [TASKS]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Piscina } from "piscina";
import { createPool } from "../src/daemon/pool/create-pool.ts";

const tasks = Number(process.argv[2] ?? 20_000);
const directory = mkdtempSync(join(tmpdir(), "lares-bench-"));
const file = join(directory, "work.mjs");
writeFileSync(file, "export default (number) => number + 1;");

async function measure(run: (task: number) => Promise<unknown>): Promise<number> {
  for (let task = 0; task < 1000; task += 1) await run(task);
  const began = performance.now();
  const window = 200;
  for (let done = 0; done < tasks; done += window) {
    await Promise.all(Array.from({ length: window }, (_, index) => run(done + index)));
  }
  return Math.round((tasks / (performance.now() - began)) * 1000);
}

try {
  const results = [];
  for (let round = 0; round < 3; round += 1) {
    const piscina = new Piscina<number, number>({ filename: file, maxThreads: 2, minThreads: 2, atomics: "disabled" });
    const alone = await measure((task) => piscina.run(task));
    await piscina.destroy();
    const pool = await createPool<number, number>({ file, threads: 2, idleMs: 60_000 });
    const ours = await measure((task) => pool.run(task));
    await pool.drain();
    results.push({ "piscina, tasks/s": alone, "lares, tasks/s": ours, ratio: Number((alone / ours).toFixed(2)) });
  }
  console.table(results);
} finally {
  rmSync(directory, { recursive: true });
}
