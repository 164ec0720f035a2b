import type { RestartSpec } from "./spec.ts";

/** What a slot remembers of its restarts. */
export interface RestartHistory {
  /** When it was restarted automatically, oldest first; only those within the period are kept. */
  readonly times: readonly number[];
  /** Failures in a row since it last ran stably. */
  readonly failures: number;
  /** The limit was reached and `then: slow` is in force, until it runs stably again. */
  readonly slow: boolean;
}

export const freshHistory: RestartHistory = { times: [], failures: 0, slow: false };

export type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly history: RestartHistory }
  | { readonly kind: "limit"; readonly count: number; readonly history: RestartHistory };

export interface RestartQuestion {
  readonly policy: RestartSpec;
  readonly history: RestartHistory;
  /** Whether the run that ended had been ready for `stableAfterMs`. */
  readonly stable: boolean;
  readonly nowMs: number;
  /** Spreads the delay: 0 to 1, 0.5 is none. */
  readonly spread: number;
}

/**
 * Decides whether and when to restart.
 *
 * The first restart of a stable service is at once. Delays grow geometrically with each failure in a row. The intensity is
 * a sliding window over automatic restarts, as in OTP's supervisor; so a crash loop that begins after days of good life is
 * limited as well.
 */
export function decideRestart({ policy, history, stable, nowMs, spread }: RestartQuestion): RestartDecision {
  const failures = stable ? 0 : history.failures;
  const slow = history.slow && !stable;
  if (slow) return { kind: "restart", delayMs: policy.periodMs, history: { ...history, failures: failures + 1 } };

  const { times } = history;
  const count = times.filter((time) => time > nowMs - policy.periodMs).length;
  if (count >= policy.intensity) {
    return { kind: "limit", count, history: { times, failures, slow: policy.then === "slow" } };
  }
  const delayMs = stable ? 0 : backoffMs(policy, { failures, spread });
  return { kind: "restart", delayMs, history: { times, failures: stable ? 0 : failures + 1, slow: false } };
}

/** The history after an automatic restart. It counts from when it is made, which may be long after it was decided. */
export function withRestart(
  history: RestartHistory,
  { policy, nowMs }: { policy: RestartSpec; nowMs: number },
): RestartHistory {
  return { ...history, times: [...history.times.filter((time) => time > nowMs - policy.periodMs), nowMs] };
}

/** The delay before the restart after `failures` failures in a row. */
export function backoffMs(policy: RestartSpec, { failures, spread }: { failures: number; spread: number }): number {
  // The factor's power may be infinite, and zero times infinity is no number.
  const grown = policy.delayMs === 0 ? 0 : policy.delayMs * policy.factor ** failures;
  const plain = Math.min(policy.delayMaxMs, grown);
  return Math.round(plain * (1 + policy.jitter * (2 * spread - 1)));
}

/**
 * A number from 0 to 1 that is the same for the same words: the core has no randomness of its own, and a journalled
 * decision must come out the same when it is made again.
 */
export function spreadOf(...words: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const char of words.join("\n")) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 12)) >>> 0) / 0xffffffff;
}
