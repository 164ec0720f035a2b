import type { RunFact } from "./effects.ts";
import type { Run, RunContext } from "./run.ts";
import { stepRun, tickRun } from "./run-step.ts";
import { drainRun, revisedRun, stopRun } from "./run-transitions.ts";
import type { Rest, Slot } from "./slot.ts";
import { afterEnd, atRest, begin, forgiven, restartAutomatically } from "./slot-endings.ts";
import { abortHandoff } from "./slot-handoff.ts";

/** Brings the slot towards what is wanted; what it is already doing towards that end is left alone. */
export function wantSlot(slot: Slot, wanted: boolean, context: RunContext): Slot {
  if (!wanted) return putToRest(slot, context);
  const next = slot.wanted ? slot : { ...slot, wanted };
  if (!next.current) return next.rest.state === "down" ? begin(next, context) : next;
  // It was let go, and cannot be called back: a new start has to wait for its end.
  return !slot.wanted && isOnItsWayOut(next.current) ? { ...next, again: true } : next;
}

/** An operator's start: a slot that failed, completed or waits to be restarted begins afresh at once. */
export function startSlot(slot: Slot, context: RunContext): Slot {
  if (slot.current) return wantSlot({ ...slot, held: false }, true, context);
  return begin({ ...forgiven(slot), held: false, wanted: true, rest: { state: "down" } }, context);
}

/** An operator's restart: at once, and not counted against any limit. */
export function restartSlot(slot: Slot, context: RunContext): Slot {
  if (!slot.current) return startSlot(slot, context);
  const alone = stopOthers(slot, context);
  const current = stopRun(slot.current, "restart", context);
  return { ...forgiven(alone), held: false, wanted: true, again: true, current };
}

/** Like `wantSlot(…, false)` for a slot of several: it gets no new connections, and serves those that wait for it first. */
export function drainSlot(slot: Slot, context: RunContext): Slot {
  if (slot.current?.phase === "draining") return slot.wanted ? { ...slot, wanted: false, again: false } : slot;
  if (slot.current?.phase !== "up") return wantSlot(slot, false, context);
  const alone = abortHandoff(slot, context);
  return { ...alone, wanted: false, again: false, current: drainRun(slot.current, "stop", context) };
}

/** Gives up a successor, and stops what runs on beside the current run. */
export function stopOthers(slot: Slot, context: RunContext): Slot {
  const alone = abortHandoff(slot, context);
  const retiring = alone.retiring.map((run) => stopRun(run, "stop", context));
  return retiring.every((run, index) => run === alone.retiring[index]) ? alone : { ...alone, retiring };
}

/** Forgets failures: what failed is down, and may be started. */
export function resetSlot(slot: Slot): Slot {
  const rest: Rest = slot.rest.state === "failed" ? { state: "down" } : slot.rest;
  return { ...forgiven(slot), rest };
}

/** Runs need no restart to be of a changed definition. */
export function reviseSlot(slot: Slot, change: Parameters<typeof revisedRun>[1], context: RunContext): Slot {
  return withRun(slot, (run) => revisedRun(run, change, context), context);
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

/** Lets the current run go on by itself while a new one starts (`overlap: true`). */
export function overlapSlot(slot: Slot, context: RunContext): Slot {
  const { current, ...rest } = slot;
  return current ? begin({ ...rest, retiring: [...slot.retiring, current] }, context) : startSlot(slot, context);
}

function putToRest(slot: Slot, context: RunContext): Slot {
  const alone = stopOthers(slot, context);
  const next = alone.wanted || alone.again ? { ...alone, wanted: false, again: false } : alone;
  if (next.current) {
    const current = stopRun(next.current, "stop", context);
    return current === next.current ? next : { ...next, current };
  }
  if (next.rest.state === "backoff") return atRest(next, "down", { reason: "stopped", context });
  const waited = slot.wanted && next.rest.state === "down";
  return waited ? { ...next, reason: "stopped" } : next;
}

function isOnItsWayOut(run: Run): boolean {
  if (run.phase === "spawning") return run.stop !== undefined;
  return run.phase === "draining" || run.phase === "stopping" || run.phase === "clearing";
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
