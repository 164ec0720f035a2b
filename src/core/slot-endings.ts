import { decideRestart, freshHistory, spreadOf, withRestart } from "./restart.ts";
import { describeExit, type Ended, isAskedFor, type Run, type RunContext, record, wasStable } from "./run.ts";
import { newRun } from "./run-step.ts";
import type { Slot } from "./slot.ts";

/** Starts the next generation. */
export function begin({ reason: _, ...slot }: Slot, context: RunContext, reason?: string): Slot {
  const generation = slot.generation + 1;
  const current = newRun(generation, context);
  return {
    ...slot,
    ...(reason !== undefined && { reason }),
    generation,
    again: false,
    rest: { state: "down" },
    current,
  };
}

/** Without a memory of failures. */
export function forgiven<T extends Slot>(slot: T): T {
  return { ...slot, history: freshHistory, restarts: 0 };
}

/** The slot once nothing of its current run is left: restarted, replaced, or at rest. */
export function afterEnd(slot: Slot, run: Run & Ended, context: RunContext): Slot {
  const { current: _, ...rest } = slot;
  const ending = { run, reason: endReason(run, context) };
  const next = remembering(rest, ending, context);
  if (next.successor) return promoted(next, next.successor);
  if (next.again && next.wanted) return begin(next, context, "restarted");
  if (isAskedFor(run.why)) {
    return atRest(next, "down", { reason: run.exit ? `stopped (${describeExit(run.exit)})` : "stopped", context });
  }
  if (!next.wanted) return atRest(next, "down", { reason: ending.reason, context });
  return hasSucceeded(run) ? afterSuccess(next, ending, context) : afterFailure(next, ending, context);
}

/** The slot at rest, and that said. */
export function atRest(
  slot: Slot,
  state: "down" | "failed" | "completed",
  { reason, context }: { reason: string; context: RunContext },
): Slot {
  const run = { service: context.spec.name, slot: slot.slot, generation: slot.generation };
  const type = state === "down" ? "stopped" : state;
  context.effects.push({ do: "record", event: { type, ...run, cause: reason } });
  if (state === "failed" && context.spec.on.failed) {
    context.effects.push({ do: "run_hook", run, hook: "failed", reason });
  }
  return { ...slot, again: false, rest: { state }, reason };
}

function remembering(slot: Slot, { run, reason }: Ending, { nowMs }: RunContext): Slot {
  const next: Slot = run.exit ? { ...slot, lastExit: run.exit } : slot;
  if (isAskedFor(run.why) || hasSucceeded(run)) return next;
  const byHealth = run.why === "unhealthy" || run.why === "watchdog";
  const failure = { generation: run.generation, atMs: nowMs, reason, ...(run.exit && { exit: run.exit }) };
  return { ...next, failure: byHealth ? { ...failure, byHealth } : failure };
}

function hasSucceeded({ why, error, exit }: Ended): boolean {
  return error === undefined && exit?.code === 0 && (why === undefined || why === "itself");
}

/** The current run died in the middle of a handoff: the successor is all there is. */
function promoted({ successor: _, ...slot }: Slot, successor: Run): Slot {
  return { ...slot, again: false, rest: { state: "down" }, current: successor };
}

function endReason(run: Run & Ended, { spec }: RunContext): string {
  if (run.error) return run.error;
  const exit = run.exit ? describeExit(run.exit) : "never ran";
  switch (run.why) {
    case "not_ready":
      return `not ready within ${spec.ready.timeoutMs} ms`;
    case "unhealthy":
      return "unhealthy";
    case "watchdog":
      return "watchdog expired";
    default:
      return run.readyAtMs === undefined && spec.kind === "service" ? `${exit} before it was ready` : exit;
  }
}

type Ending = { readonly run: Run & Ended; readonly reason: string };

function afterSuccess(slot: Slot, ending: Ending, context: RunContext): Slot {
  if (context.spec.restart.policy === "always") return restartLater(slot, ending, context);
  return atRest(slot, "completed", { reason: "completed", context });
}

function afterFailure(slot: Slot, ending: Ending, context: RunContext): Slot {
  if (context.spec.restart.policy === "never") return atRest(slot, "failed", { reason: ending.reason, context });
  return restartLater(slot, ending, context);
}

function restartLater(slot: Slot, { run, reason }: Ending, context: RunContext): Slot {
  const { spec, nowMs } = context;
  const spread = spreadOf(spec.name, slot.slot, run.generation);
  const stable = wasStable(run, context);
  const decision = decideRestart({ policy: spec.restart, history: slot.history, stable, nowMs, spread });
  const next = { ...slot, history: decision.history };
  if (decision.kind === "limit") return atLimit(next, { run, reason, count: decision.count }, context);
  const { delayMs } = decision;
  record(run, { ...context, slot: slot.slot }, { type: "restart_scheduled", delayMs, cause: reason });
  if (delayMs === 0) return restartAutomatically({ ...next, reason }, 0, context);
  return { ...next, rest: { state: "backoff", untilMs: nowMs + delayMs }, reason };
}

/** A restart that counts against the limit. */
export function restartAutomatically(slot: Slot, waitedMs: number, context: RunContext): Slot {
  const { nowMs, spec } = context;
  const why = slot.reason
    ? `${slot.reason.split("; restarted after")[0]}; restarted after ${waitedMs} ms`
    : "restarted";
  const history = withRestart(slot.history, { policy: spec.restart, nowMs });
  const restarts = slot.restarts + (wasHealthFailure(slot) ? 0 : 1);
  return begin({ ...slot, history, restarts }, context, why);
}

/** Of the last run: an older failure says nothing of it. */
function wasHealthFailure({ failure, generation }: Slot): boolean {
  return failure?.byHealth === true && failure.generation === generation;
}

function atLimit(slot: Slot, ending: Ending & { count: number }, context: RunContext): Slot {
  const { restart } = context.spec;
  const cause = `${ending.reason}; ${ending.count} ${ending.count === 1 ? "restart" : "restarts"} within ${restart.periodMs / 1000} s`;
  record(ending.run, context, { type: "restart_limit_reached", cause, count: ending.count, mode: restart.then });
  if (restart.then === "fail") return atRest(slot, "failed", { reason: cause, context });
  return { ...slot, rest: { state: "backoff", untilMs: context.nowMs + restart.periodMs }, reason: cause };
}
