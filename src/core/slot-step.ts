import type { RunFact } from "./effects.ts";
import type { Run, RunContext } from "./run.ts";
import { stepRun, tickRun } from "./run-step.ts";
import { stopRun } from "./run-transitions.ts";
import type { Rest, Slot } from "./slot.ts";
import { afterEnd, begin, forgiven, restartAutomatically } from "./slot-endings.ts";
import { abortHandoff } from "./slot-handoff.ts";

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

/** Lets the current run go on by itself while a new one starts (`overlap: true`). */
export function overlapSlot(slot: Slot, context: RunContext): Slot {
  const { current, ...rest } = slot;
  return current ? begin({ ...rest, retiring: [...slot.retiring, current] }, context) : startSlot(slot, context);
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
