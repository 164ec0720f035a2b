/** Which limit is passed: decided from samples alone. */

export interface Limit {
  /** From here on: warn, shed load, ask to be replaced. */
  readonly soft?: number;
  /** From here on: end, and be started again. */
  readonly hard?: number;
}

export interface GuardLimits {
  /** Resident bytes. */
  readonly memoryBytes?: Limit;
  /** Bytes of JavaScript heap in use. */
  readonly heapBytes?: Limit;
  /** Of one processor, averaged over the window: 150 is one and a half. */
  readonly cpuPercent?: Limit;
  /** 99th percentile of each sample, averaged over the window. */
  readonly eventLoopDelayMs?: Limit;
}

export interface Sample {
  readonly memoryBytes: number;
  readonly heapBytes: number;
  readonly cpuPercent: number;
  readonly eventLoopDelayMs: number;
}

export type Figure = keyof GuardLimits;

/** One limit that is passed. */
export interface Breach {
  readonly figure: Figure;
  readonly level: "soft" | "hard";
  readonly value: number;
  readonly limit: number;
}

/** Memory does not go back by itself, so the latest sample counts; the others come in bursts, so their average does. */
const averaged: Readonly<Record<Figure, boolean>> = {
  memoryBytes: false,
  heapBytes: false,
  cpuPercent: true,
  eventLoopDelayMs: true,
};

/**
 * The limits that are passed, hard ones first.
 *
 * @param window The samples of the window, oldest first.
 * @param isFull Whether the window has been sampled for its whole length; averages count only then.
 */
export function findBreaches(limits: GuardLimits, observed: { window: readonly Sample[]; isFull: boolean }): Breach[] {
  const { window, isFull } = observed;
  const breaches = (Object.keys(averaged) as Figure[]).flatMap((figure): Breach[] => {
    const limit = limits[figure];
    if (!limit || window.length === 0 || (averaged[figure] && !isFull)) return [];
    const value = averaged[figure]
      ? window.reduce((sum, sample) => sum + sample[figure], 0) / window.length
      : (window.at(-1)?.[figure] ?? 0);
    if (limit.hard !== undefined && value >= limit.hard) return [{ figure, level: "hard", value, limit: limit.hard }];
    if (limit.soft !== undefined && value >= limit.soft) return [{ figure, level: "soft", value, limit: limit.soft }];
    return [];
  });
  return breaches.sort((a, b) => Number(b.level === "hard") - Number(a.level === "hard"));
}

/** `memory 512 MiB is over the soft limit of 500 MiB`. */
export function describeBreach({ figure, level, value, limit }: Breach): string {
  return `${names[figure]} ${show(figure, value)} is over the ${level} limit of ${show(figure, limit)}`;
}

const names: Readonly<Record<Figure, string>> = {
  memoryBytes: "memory",
  heapBytes: "heap",
  cpuPercent: "CPU",
  eventLoopDelayMs: "event loop delay",
};

function show(figure: Figure, value: number): string {
  if (figure === "cpuPercent") return `${Math.round(value)} %`;
  if (figure === "eventLoopDelayMs") return `${Math.round(value)} ms`;
  return `${Math.round(value / 1024 ** 2)} MiB`;
}
