import type { Metrics, MetricsOptions } from "./types.ts";

export type { Metrics, MetricsOptions, PushTarget } from "./types.ts";

/**
 * Makes the metrics of a program: its own, and those of process, event loop and garbage collector.
 *
 * @returns a registry to make counters, gauges and histograms in, that writes itself as OpenMetrics.
 * @example
 * ```ts
 * import { createMetrics } from "lares";
 *
 * await using metrics = await createMetrics();
 * const jobs = metrics.counter({ name: "jobs_total", help: "Jobs done", labelNames: ["kind"] });
 * jobs.inc({ kind: "mail" });
 * console.log((await metrics.text()).includes('jobs_total{kind="mail"} 1')); // true
 * ```
 */
export async function createMetrics(options: MetricsOptions = {}): Promise<Metrics> {
  const { openMetrics } = await import("./metrics.ts");
  return openMetrics(options);
}
