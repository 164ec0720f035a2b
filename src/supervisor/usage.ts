import { usageOf } from "../os/processes.ts";

interface Reading {
  readonly cpuMs: number;
  readonly atMs: number;
  readonly cpuPercent: number;
}

/** A second look within this time repeats the first answer: processor time is counted in ticks of 10 ms. */
const freshMs = 500;

/** Memory and processor share of processes, read when somebody asks. */
export class UsageReadings {
  readonly #readings = new Map<number, Reading>();

  /** @returns undefined when the process is gone. The first share is that since the process began to be looked at: 0. */
  of(pid: number, nowMs: number): { readonly memoryBytes: number; readonly cpuPercent: number } | undefined {
    const usage = usageOf(pid);
    if (!usage) {
      this.#readings.delete(pid);
      return undefined;
    }
    const last = this.#readings.get(pid);
    if (last && nowMs - last.atMs < freshMs) return { memoryBytes: usage.rssBytes, cpuPercent: last.cpuPercent };
    const share = last ? (100 * (usage.cpuMs - last.cpuMs)) / (nowMs - last.atMs) : 0;
    const cpuPercent = Math.max(0, Math.round(share * 10) / 10);
    this.#readings.set(pid, { cpuMs: usage.cpuMs, atMs: nowMs, cpuPercent });
    return { memoryBytes: usage.rssBytes, cpuPercent };
  }

  /** Forgets processes that nobody asks about any more. */
  keepOnly(pids: ReadonlySet<number>): void {
    for (const pid of this.#readings.keys()) if (!pids.has(pid)) this.#readings.delete(pid);
  }
}
