import type { Exit, RunFact } from "./effects.ts";
import { decideRestart, freshHistory, type RestartHistory, spreadOf } from "./restart.ts";
import * as runs from "./run.ts";
import { describeExit, isAskedFor, newRun, type Run, type RunContext, stepRun, stopRun, tickRun } from "./run.ts";

/**
 * One numbered place of a service: at most one live process in it, except during a handoff, when a successor starts beside
 * the current run and the predecessor retires.
 */
export interface Slot {
  readonly slot: number;
  /** The last generation given out. */
  readonly generation: number;
  /** What it is to be, as against what it is. */
  readonly wanted: boolean;
  /** An operator stopped this very slot (`stop api/1`); it stays so until started. */
  readonly held: boolean;
  /** Start again once the current run has ended. */
  readonly again: boolean;
  /** What it is while it has no current run. */
  readonly rest: Rest;
  readonly current?: Run;
  readonly successor?: Run;
  readonly retiring: readonly Run[];
  readonly history: RestartHistory;
  /** Automatic restarts since it was last started by hand. */
  readonly restarts: number;
  readonly lastExit?: Exit;
  readonly failure?: Failure;
  readonly reason?: string;
}

export type Rest =
  | { readonly state: "down" }
  | { readonly state: "backoff"; readonly untilMs: number }
  | { readonly state: "failed" }
  | { readonly state: "completed" };

/** The last end that nobody asked for. */
export interface Failure {
  readonly generation: number;
  readonly atMs: number;
  readonly reason: string;
  readonly exit?: Exit;
}

export type SlotState = Rest["state"] | "starting" | "up" | "degraded" | "stopping";

export function newSlot(slot: number): Slot {
  return {
    slot,
    generation: 0,
    wanted: false,
    held: false,
    again: false,
    rest: { state: "down" },
    retiring: [],
    history: freshHistory,
    restarts: 0,
  };
}

export function stateOf({ current, rest }: Slot): SlotState {
  switch (current?.phase) {
    case undefined:
    case "ended":
      return rest.state;
    case "spawning":
    case "starting":
      return "starting";
    case "up":
      return current.health.ok === false ? "degraded" : "up";
    default:
      return "stopping";
  }
}

/** Ready to be used: others that come after it may start. */
export function isReady(slot: Slot): boolean {
  return slot.current?.phase === "up";
}

/** Nothing of it is alive or about to be. */
export function isAtRest({ current, successor, retiring, rest }: Slot): boolean {
  return !current && !successor && retiring.length === 0 && rest.state !== "backoff";
}

/** Every run of the slot that may have a process, oldest first. */
export function runsOf({ current, successor, retiring }: Slot): readonly Run[] {
  return [...retiring, ...(current ? [current] : []), ...(successor ? [successor] : [])];
}

export function slotDeadline(slot: Slot): number | undefined {
  const resting = !slot.current && slot.rest.state === "backoff" ? slot.rest.untilMs : undefined;
  return runs.earliest(resting, ...runsOf(slot).map(runs.runDeadline));
}

/** Brings the slot towards what is wanted; what it is already doing towards that end is left alone. */
export function wantSlot(slot: Slot, wanted: boolean, context: RunContext): Slot {
  const next = slot.wanted === wanted ? slot : { ...slot, wanted };
  if (!wanted) return putToRest(next, context);
  if (!next.current) return next.rest.state === "down" ? begin(next, context) : next;
  return isGivenUp(next.current) && !next.again ? { ...next, again: true } : next;
}

/** An operator's start: a slot that failed, completed or waits to be restarted begins afresh at once. */
export function startSlot(slot: Slot, context: RunContext): Slot {
  const next = { ...slot, held: false, wanted: true };
  if (next.current) return wantSlot(next, true, context);
  return begin({ ...forgiven(next), rest: { state: "down" } }, context);
}

/** An operator's restart: at once, and not counted against any limit. */
export function restartSlot(slot: Slot, context: RunContext): Slot {
  if (!slot.current) return slot.wanted || slot.rest.state !== "down" ? startSlot(slot, context) : slot;
  const current = stopRun(slot.current, "restart", context);
  return { ...forgiven(slot), held: false, wanted: true, again: true, current };
}

/** Forgets failures: what failed is down, and may be started. */
export function resetSlot(slot: Slot): Slot {
  const rest: Rest = slot.rest.state === "failed" ? { state: "down" } : slot.rest;
  return { ...forgiven(slot), rest };
}

/** The slot after something happened to the run of that generation. */
export function stepSlot(slot: Slot, { generation, fact }: { generation: number; fact: RunFact }, context: RunContext) {
  return withRun(slot, (run) => (run.generation === generation ? stepRun(run, fact, context) : run), context);
}

/** The slot when a deadline of its own may have passed. */
export function tickSlot(slot: Slot, context: RunContext): Slot {
  const next = withRun(slot, (run) => tickRun(run, context), context);
  if (next.current || next.rest.state !== "backoff" || next.rest.untilMs > context.nowMs) return next;
  const waited = context.nowMs - (next.lastExit?.atMs ?? next.failure?.atMs ?? context.nowMs);
  return restartAutomatically(next, waited, context);
}

/** Starts a successor beside the current run. */
export function beginHandoff(slot: Slot, context: RunContext): Slot {
  const generation = slot.generation + 1;
  return { ...slot, generation, successor: newRun(generation, context) };
}

/** The successor takes over; the predecessor is told to stop. */
export function completeHandoff(slot: Slot, context: RunContext): Slot {
  const { successor, current, ...rest } = slot;
  if (!successor) return slot;
  const retiring = current ? [...slot.retiring, stopRun(current, "replaced", context)] : slot.retiring;
  return { ...forgiven(rest), current: successor, retiring, rest: { state: "down" } };
}

/** The successor is given up; the current run goes on. */
export function abortHandoff(slot: Slot, context: RunContext): Slot {
  const { successor, ...rest } = slot;
  if (!successor) return slot;
  if (successor.phase === "ended") return rest;
  return { ...rest, retiring: [...slot.retiring, stopRun(successor, "replaced", context)] };
}

/** Lets the current run go on by itself while a new one starts (`overlap: true`). */
export function overlapSlot(slot: Slot, context: RunContext): Slot {
  const { current, ...rest } = slot;
  return current ? begin({ ...rest, retiring: [...slot.retiring, current] }, context) : startSlot(slot, context);
}

function begin({ reason: _, ...slot }: Slot, context: RunContext, reason?: string): Slot {
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

function putToRest(slot: Slot, context: RunContext): Slot {
  const aborted = slot.successor ? abortHandoff(slot, context) : slot;
  if (aborted.current) {
    const current = stopRun(aborted.current, "stop", context);
    return current === aborted.current && !aborted.again ? aborted : { ...aborted, again: false, current };
  }
  if (aborted.rest.state !== "backoff") return aborted;
  return { ...aborted, rest: { state: "down" }, reason: "stopped" };
}

function forgiven<T extends Slot>(slot: T): T {
  return { ...slot, history: freshHistory, restarts: 0 };
}

/** On its way out because it was asked to be, so that a new start has to wait for it. */
function isGivenUp(run: Run): boolean {
  if (run.phase === "spawning") return run.stop === "stop";
  return (run.phase === "stopping" || run.phase === "clearing") && run.why === "stop";
}

/** Applies a change to each run, and draws the conclusions where one has ended. */
function withRun(slot: Slot, change: (run: Run) => Run, context: RunContext): Slot {
  const current = slot.current && change(slot.current);
  const successor = slot.successor && change(slot.successor);
  const retiring = slot.retiring.map(change);
  const same = retiring.every((run, index) => run === slot.retiring[index]);
  if (current === slot.current && successor === slot.successor && same) return slot;
  const next: Slot = {
    ...slot,
    ...(current && { current }),
    ...(successor && { successor }),
    retiring: same ? slot.retiring : retiring.filter((run) => run.phase !== "ended"),
  };
  return current?.phase === "ended" ? afterEnd(next, current, context) : next;
}

function afterEnd(slot: Slot, run: Run & { phase: "ended" }, context: RunContext): Slot {
  const { current: _, ...rest } = slot;
  const next: Slot = run.exit ? { ...rest, lastExit: run.exit } : rest;
  if (next.successor) return promote(next);
  if (next.again && next.wanted) return begin(next, context, "restarted");
  if (isAskedFor(run.why)) {
    return atRest(next, "down", { reason: run.exit ? `stopped (${describeExit(run.exit)})` : "stopped", context });
  }
  const reason = endReason(run, context);
  if (!run.error && run.exit?.code === 0 && (run.why === undefined || run.why === "itself")) {
    return afterSuccess(next, { run, reason }, context);
  }
  const failure = { generation: run.generation, atMs: context.nowMs, reason, ...(run.exit && { exit: run.exit }) };
  return afterFailure({ ...next, failure }, { run, reason }, context);
}

/** The current run died in the middle of a handoff: the successor is all there is. */
function promote({ successor, ...slot }: Slot): Slot {
  return successor ? { ...slot, current: successor } : slot;
}

function endReason(run: Run & { phase: "ended" }, { spec }: RunContext): string {
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

type Ending = { readonly run: Run; readonly reason: string };

function afterSuccess(slot: Slot, ending: Ending, context: RunContext): Slot {
  if (context.spec.restart.policy === "always") return restartLater(slot, ending, context);
  return atRest(slot, "completed", { reason: "completed", context });
}

function afterFailure(slot: Slot, ending: Ending, context: RunContext): Slot {
  if (!slot.wanted) return atRest(slot, "down", { reason: ending.reason, context });
  if (context.spec.restart.policy === "never") return atRest(slot, "failed", { reason: ending.reason, context });
  return restartLater(slot, ending, context);
}

function restartLater(slot: Slot, { run, reason }: Ending, context: RunContext): Slot {
  const { spec, nowMs } = context;
  if (!slot.wanted) return atRest(slot, "down", { reason, context });
  const spread = spreadOf(spec.name, slot.slot, run.generation);
  const stable = runs.wasStable(run, context);
  const decision = decideRestart({ policy: spec.restart, history: slot.history, stable, nowMs, spread });
  const next = { ...slot, history: decision.history };
  if (decision.kind === "limit") return atLimit(next, { run, reason, count: decision.count }, context);
  const { delayMs } = decision;
  runs.record(run, { ...context, slot: slot.slot }, { type: "restart_scheduled", delayMs, cause: reason });
  if (delayMs === 0) return restartAutomatically({ ...next, reason }, 0, context);
  return { ...next, rest: { state: "backoff", untilMs: nowMs + delayMs }, reason };
}

function restartAutomatically(slot: Slot, waitedMs: number, context: RunContext): Slot {
  const why = slot.reason
    ? `${slot.reason.split("; restarted after")[0]}; restarted after ${waitedMs} ms`
    : "restarted";
  return begin({ ...slot, restarts: slot.restarts + 1 }, context, why);
}

function atLimit(slot: Slot, ending: Ending & { count: number }, context: RunContext): Slot {
  const { restart } = context.spec;
  const cause = `${ending.reason}; ${ending.count} restarts within ${restart.periodMs / 1000} s`;
  runs.record(ending.run, context, { type: "restart_limit_reached", cause, count: ending.count, mode: restart.then });
  if (restart.then === "fail") return atRest(slot, "failed", { reason: cause, context });
  return { ...slot, rest: { state: "backoff", untilMs: context.nowMs + restart.periodMs }, reason: cause };
}

function atRest(
  slot: Slot,
  state: "down" | "failed" | "completed",
  { reason, context }: { reason: string; context: RunContext },
): Slot {
  const run = { service: context.spec.name, slot: slot.slot, generation: slot.generation };
  const type = state === "down" ? "stopped" : state;
  context.effects.push({ do: "record", event: { type, ...run, cause: reason } });
  if (state === "failed" && context.spec.on.failed)
    context.effects.push({ do: "run_hook", run, hook: "failed", reason });
  return { ...slot, again: false, rest: { state }, reason };
}

/** How a run that has exited ended, as messages say it. */
export function endOf(run: Run & { readonly exit: Exit | null }): string {
  if (!run.exit) return "never ran";
  return run.readyAtMs === undefined ? `${describeExit(run.exit)} before it was ready` : describeExit(run.exit);
}

/** The run of that generation, while it is there. */
export function findRun(slot: Slot, generation: number): Run | undefined {
  return runsOf(slot).find((run) => run.generation === generation);
}
