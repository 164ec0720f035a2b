import type { RunContext } from "./run.ts";
import { newRun } from "./run-step.ts";
import { drainRun, stopRun } from "./run-transitions.ts";
import type { Slot } from "./slot.ts";
import { forgiven } from "./slot-endings.ts";

/** Starts a successor beside the current run. */
export function beginHandoff(slot: Slot, context: RunContext): Slot {
  if (slot.successor) return slot;
  const generation = slot.generation + 1;
  return { ...slot, generation, successor: newRun(generation, context) };
}

/** The successor takes over; the predecessor accepts what waits for it alone, then is told to stop. */
export function completeHandoff(slot: Slot, context: RunContext): Slot {
  const { successor, current, ...rest } = slot;
  if (!successor) return slot;
  const retiring = current ? [...slot.retiring, drainRun(current, "replaced", context)] : slot.retiring;
  return { ...forgiven(rest), current: successor, retiring, rest: { state: "down" } };
}

/** The successor is given up; the current run goes on. */
export function abortHandoff(slot: Slot, context: RunContext): Slot {
  const { successor, ...rest } = slot;
  if (!successor) return slot;
  if (successor.phase === "ended") return rest;
  return { ...rest, retiring: [...slot.retiring, stopRun(successor, "replaced", context)] };
}
