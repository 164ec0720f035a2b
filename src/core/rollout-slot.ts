import type { Run, RunContext, StopReason, Up } from "./run.ts";
import { reloadRun } from "./run-transitions.ts";
import type { ActiveSlot, Rollout } from "./service.ts";
import { endOf, type Failure, runsOf, type Slot } from "./slot.ts";
import { beginHandoff } from "./slot-handoff.ts";
import { restartSlot, startSlot } from "./slot-step.ts";

/** How far a slot of a rollout has come. */
export type Verdict =
  | { readonly kind: "pending"; readonly active: ActiveSlot }
  | { readonly kind: "done" }
  | {
      readonly kind: "failed";
      readonly cause: string;
      readonly failure: Pick<Failure, "generation" | "reason" | "exit">;
    };

type Place = { readonly slot: Slot; readonly active: ActiveSlot; readonly style: Rollout["style"] };

/** Looks at what is to take over in a slot. */
export function judgeSlot({ slot, active, style }: Place, { spec, nowMs }: RunContext): Verdict {
  const pending: Verdict = { kind: "pending", active };
  const run = [slot.successor, slot.current].find((one) => one?.generation === active.generation);
  // A restart has its generation only once the predecessor has ended.
  if (!run && slot.generation < active.generation && slot.current) return pending;
  if (spec.kind === "task" && (run?.phase === "clearing" || slot.rest.state === "completed")) {
    return run ? { kind: "pending", active: unobserved(active) } : { kind: "done" };
  }
  if (run?.phase === "spawning" || run?.phase === "starting") return pending;
  if (run?.phase !== "up") return failed(active, { why: whyNot(slot, active), run });
  if (style === "signal") return judgeSignalled(run, { active, timeoutMs: spec.ready.timeoutMs });
  if (run.health.ok === false) return failed(active, { why: "unhealthy", run });
  const observed = settled(active, { nowMs, settleMs: spec.reload.settleMs });
  // With a health check, a successor is not believed before it has answered one.
  const isProven = spec.health === undefined || run.health.ok !== null;
  return observed.settled && isProven ? { kind: "done" } : { kind: "pending", active: observed };
}

/**
 * Begins in a slot what is to take over.
 *
 * @param isNew whether its current run is of the new definition already: then that one is watched
 */
export function beginInSlot(
  slot: Slot,
  { style, isNew }: { readonly style: Rollout["style"]; readonly isNew: boolean },
  context: RunContext,
): Slot {
  const { current } = slot;
  if (!current) return startSlot(slot, context);
  if (style === "signal") return { ...slot, current: reloadRun(current, context) };
  if (isNew) return slot;
  const isOn =
    current.phase === "starting" || current.phase === "up" || (current.phase === "spawning" && !current.stop);
  return style === "rolling" && isOn ? beginHandoff(slot, context) : restartSlot(slot, context);
}

/** The generation that is to take over in a slot where it was begun. */
export function takingOver({ again, successor, current, generation }: Slot): number {
  if (again) return generation + 1;
  return (successor ?? current)?.generation ?? generation;
}

function judgeSignalled(
  { reloading }: Run & Up,
  { active, timeoutMs }: { readonly active: ActiveSlot; readonly timeoutMs: number },
): Verdict {
  if (!reloading) return { kind: "done" };
  if (reloading.step !== "timed_out") return { kind: "pending", active };
  return failed(active, { why: `it did not say within ${timeoutMs} ms that it has reloaded, and runs on` });
}

function settled(
  active: ActiveSlot,
  { nowMs, settleMs }: { readonly nowMs: number; readonly settleMs: number },
): ActiveSlot {
  if (active.settled) return active;
  const settlesAtMs = active.settlesAtMs ?? nowMs + settleMs;
  const { slot, generation } = active;
  if (settlesAtMs <= nowMs) return { slot, generation, settled: true };
  return active.settlesAtMs === undefined ? { ...active, settlesAtMs } : active;
}

/** Nothing is to be seen at the moment when it would have settled. */
function unobserved(active: ActiveSlot): ActiveSlot {
  const { slot, generation, settled, settlesAtMs } = active;
  return settlesAtMs === undefined ? active : { slot, generation, settled };
}

function failed({ slot, generation }: ActiveSlot, { why, run }: { why: string; run?: Run | undefined }): Verdict {
  const exit = run && "exit" in run && run.exit ? { exit: run.exit } : {};
  return { kind: "failed", cause: `slot ${slot}: ${why}`, failure: { generation, reason: why, ...exit } };
}

function whyNot(slot: Slot, { generation }: ActiveSlot): string {
  const run = runsOf(slot).find((one) => one.generation === generation);
  if (run?.phase === "ended" && run.error) return run.error;
  if (run && "exit" in run && run.exit) return endOf(run);
  if (run?.phase === "stopping") return whyStopped(run.why);
  return slot.failure?.generation === generation ? slot.failure.reason : "it did not last";
}

function whyStopped(why: StopReason): string {
  switch (why) {
    case "not_ready":
      return "it was not ready in time";
    case "unhealthy":
      return "it became unhealthy";
    case "watchdog":
      return "its watchdog expired";
    case "itself":
      return "it stopped by itself";
    default:
      return `it was told to stop (${why})`;
  }
}
