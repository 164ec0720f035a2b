import type { PoolOptions, WorkerPool } from "./worker-pool.ts";

export type { PoolFigures, PoolOptions, WorkerPool } from "./worker-pool.ts";

/**
 * Makes a pool of worker threads for CPU work.
 *
 * @returns the pool; its `run` queues one task.
 * @example
 * ```ts
 * import { writeFileSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { createPool } from "lares";
 *
 * const file = `${tmpdir()}/square-${process.pid}.mjs`;
 * writeFileSync(file, "export default (number) => number * number;");
 * await using pool = await createPool<number, number>({ file, threads: 1 });
 * console.log(await pool.run(7, { timeoutMs: 5000 })); // 49
 * ```
 */
export async function createPool<Task = unknown, Result = unknown>(
  options: PoolOptions,
): Promise<WorkerPool<Task, Result>> {
  const { openPool } = await import("./worker-pool.ts");
  return openPool<Task, Result>(options);
}
