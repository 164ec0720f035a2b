import { formatDuration } from "../core/plan.ts";
import type { RestartSpec } from "../core/spec.ts";
import type { Path, Problem } from "./diagnostic.ts";

/**
 * A restart limit that can never be reached: even a program that dies at once is restarted too slowly for `intensity` restarts
 * to fall into one `period`, so it would crash and be restarted for ever.
 *
 * @param options.written the keys that the user wrote, to point at one of them
 */
export function impossibleLimit(
  restart: RestartSpec,
  { path, written }: { readonly path: Path; readonly written: readonly string[] },
): Problem | undefined {
  if (restart.policy === "never") return undefined;
  const shortest = Math.round(shortestRowMs(restart));
  // Of two restarts a whole period apart, the window holds only the later.
  if (shortest < restart.periodMs) return undefined;
  const { intensity } = restart;
  const period = formatDuration(restart.periodMs);
  const needed = formatDuration((Math.floor(shortest / 1000) + 1) * 1000);
  const culprit = ["period", "intensity", "delay", "factor", "delay_max", "jitter"].find((key) =>
    written.includes(key),
  );
  return {
    path: culprit === undefined ? path : [...path, culprit],
    message: `the restart limit can never be reached: ${intensity} restarts take at least ${formatDuration(shortest)}, and \`period\` is ${period}`,
    hint: `Raise \`period\` to ${needed} or more, or lower \`intensity\` or \`delay\`.`,
  };
}

/**
 * Of a policy that never restarts, what is written about how often it may.
 *
 * @param options.written the keys that the user wrote
 */
export function limitOfNothing(
  { policy }: RestartSpec,
  { path, written }: { readonly path: Path; readonly written: readonly string[] },
): Problem | undefined {
  const culprit = policy === "never" && ["intensity", "period", "then"].find((key) => written.includes(key));
  if (!culprit) return undefined;
  const given = written.includes("policy") ? "`policy: never` restarts nothing" : "a task is not restarted by default";
  return {
    path: [...path, culprit],
    at: "key",
    message: `the restart limit can never be reached: ${given}`,
    hint: `Remove \`${culprit}\`, or set \`policy: on-failure\`.`,
  };
}

/** The time from the first to the last of `intensity` restarts when every delay is as short as jitter can make it. */
function shortestRowMs({ intensity, delayMs, delayMaxMs, factor, jitter }: RestartSpec): number {
  let total = 0;
  let delay = delayMs;
  // The first restart is at once.
  for (let restart = 1; restart < intensity; restart++) {
    total += Math.min(delay, delayMaxMs) * (1 - jitter);
    delay = Math.min(delay * factor, delayMaxMs);
  }
  return total;
}
