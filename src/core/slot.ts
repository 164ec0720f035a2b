import type { Exit } from "./effects.ts";
import { freshHistory, type RestartHistory } from "./restart.ts";
import { describeExit, earliest, type Run, runDeadline } from "./run.ts";

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
  /** Automatic restarts since it was last started by hand; those after a bad health check are no crashes, and not counted. */
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
  /** It ran, and was ended since it did not work. */
  readonly byHealth?: true;
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

export function stateOf({ current, rest, retiring }: Slot): SlotState {
  switch (current?.phase) {
    case undefined:
    case "ended":
      if (retiring.length === 0) return rest.state;
      // What was left beside the current run is still there, be it a predecessor or an overlapping run of a task.
      return retiring.some(({ phase }) => phase === "up") ? "up" : "stopping";
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

/** It reached its restart limit, and is tried only once every period: what it does now has to last before that ends. */
export function isSlow(
  { history, current }: Slot,
  { stableAfterMs, nowMs }: { readonly stableAfterMs: number; readonly nowMs: number },
): boolean {
  const readyAtMs = current?.phase === "up" ? current.readyAtMs : undefined;
  return history.slow && (readyAtMs === undefined || nowMs - readyAtMs < stableAfterMs);
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
  return earliest(resting, ...runsOf(slot).map(runDeadline));
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
