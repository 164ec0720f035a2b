import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { plantedBugs } from "./faults.ts";
import type { Outcome } from "./simulate.ts";

/** What one worker does. */
export interface Share {
  readonly from: number;
  readonly until: number;
  readonly every: number;
  readonly bug: keyof typeof plantedBugs | undefined;
  readonly isFirstEnough: boolean;
}

/** What came of some seeds. */
export interface Tally {
  readonly schedules: number;
  readonly calls: number;
  readonly deaths: number;
  readonly violations: readonly Outcome[];
}

/** Runs seeds `from` to `from + seeds` on all processors. */
export async function runSeeds(options: {
  readonly from: number;
  readonly seeds: number;
  readonly bug?: keyof typeof plantedBugs | undefined;
  readonly isFirstEnough?: boolean;
}): Promise<Tally> {
  const { from, seeds, bug, isFirstEnough = false } = options;
  const every = Math.min(seeds, availableParallelism());
  const shares = Array.from({ length: every }, (_, first) => {
    return tallyOf({ from: from + first, until: from + seeds, every, bug, isFirstEnough });
  });
  return (await Promise.all(shares)).reduce(sum);
}

/** The failed seed that is quickest to read, with the end of what happened. */
export function describeShortest({ violations }: Tally): string {
  const [shortest] = [...violations].sort((a, b) => a.calls - b.calls);
  if (!shortest) return "every invariant held";
  const { seed, violation, trace } = shortest;
  return `${violations.length} seeds broke an invariant. Seed ${seed}: ${violation}\n${trace.slice(-60).join("\n")}`;
}

function tallyOf(share: Share): Promise<Tally> {
  const { promise, resolve, reject } = Promise.withResolvers<Tally>();
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: share });
  worker.once("message", resolve);
  worker.once("error", reject);
  return promise;
}

function sum(one: Tally, other: Tally): Tally {
  return {
    schedules: one.schedules + other.schedules,
    calls: one.calls + other.calls,
    deaths: one.deaths + other.deaths,
    violations: [...one.violations, ...other.violations],
  };
}
