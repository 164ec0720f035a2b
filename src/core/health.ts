import type { HealthSpec } from "./spec.ts";

/** What is known of an instance's health. */
export interface Health {
  /** Null until the first answer, and when nothing checks it. */
  readonly ok: boolean | null;
  /** Answers in a row that speak against `ok`. */
  readonly against: number;
  /** A check is under way: the next is not asked for before it is answered, so that checks never pile up. */
  readonly asking: boolean;
  /** When to ask next, or while asking, when no answer is one; absent when nothing checks it. */
  readonly nextAtMs?: number;
}

export function unknownHealth(spec: HealthSpec | undefined, nowMs: number): Health {
  const never = { ok: null, against: 0, asking: false };
  return spec ? { ...never, nextAtMs: nowMs + spec.initialDelayMs } : never;
}

/** The first checks of services that become ready together are spread over this time, so that they do not come at once. */
const spreadOverMs = 1000;

/** @param spread 0 to 1: where in that time the first check of an instance is */
export function spreadMs({ intervalMs }: HealthSpec, spread: number): number {
  return Math.round(spread * Math.min(spreadOverMs, intervalMs));
}

/**
 * Whether no more has happened than that it was asked, or answered as before: nobody has to remember that. A supervisor
 * that does not know of it asks a little earlier.
 */
export function isRoutine(before: Health, after: Health): boolean {
  return before.asking !== after.asking && before.ok === after.ok && before.against === after.against;
}

export function healthDeadline({ nextAtMs }: Health): number | undefined {
  return nextAtMs;
}

/** The asker keeps the timeout and says what was wrong; this much later the silence itself is the answer. */
const askerLateMs = 1000;

export function askingHealth(health: Health, { spec, nowMs }: { spec: HealthSpec; nowMs: number }): Health {
  return { ...health, asking: true, nextAtMs: nowMs + spec.timeoutMs + askerLateMs };
}

/** Health after an answer: it turns only after as many answers in a row as the spec asks for. */
export function healthAfter(health: Health, answer: { ok: boolean; spec: HealthSpec; nowMs: number }): Health {
  const { ok, spec, nowMs } = answer;
  const nextAtMs = nowMs + spec.intervalMs;
  if (ok === health.ok) return { ok, against: 0, asking: false, nextAtMs };
  const against = health.against + 1;
  const needed = ok ? spec.successes : spec.failures;
  // The first good answer is believed at once: nothing spoke against it.
  const turns = against >= needed || (ok && health.ok === null);
  return turns ? { ok, against: 0, asking: false, nextAtMs } : { ok: health.ok, against, asking: false, nextAtMs };
}
