import { earliest } from "./run.ts";
import {
  type ActiveSlot,
  type Goal,
  inSlot,
  type Rollout,
  type Service,
  type ServiceContext,
  withSlot,
} from "./service.ts";
import { endOf, runsOf, type Slot } from "./slot.ts";
import { abortHandoff, beginHandoff, completeHandoff } from "./slot-handoff.ts";
import { restartSlot, startSlot } from "./slot-step.ts";

/** Begins a reload, or notes that another one is to follow the one under way. */
export function beginRollout(
  service: Service,
  { before }: { before: Rollout["before"] },
  { nowMs, effects }: ServiceContext,
): Service {
  if (service.rollout) return { ...service, rollout: { ...service.rollout, again: true } };
  const { name, instances, reload } = service.spec;
  effects.push({ do: "record", event: { type: "reload_started", service: name, revision: service.revision } });
  const pending = service.slots.filter(({ slot, held }) => slot < instances && !held).map(({ slot }) => slot);
  const rollout: Rollout = {
    pending,
    active: [],
    done: [],
    startedAtMs: nowMs,
    deadlineMs: nowMs + reload.timeoutMs,
    before: { spec: before.spec, revision: before.revision },
    again: false,
  };
  return { ...service, rollout };
}

export function rolloutDeadline({ active, deadlineMs }: Rollout): number | undefined {
  return earliest(deadlineMs, ...active.map(({ settlesAtMs }) => settlesAtMs));
}

/** Moves the rollout on as far as it goes now. */
export function advanceRollout(service: Service, goal: Goal, context: ServiceContext): Service {
  if (goal.kind === "stop") return abandon(service, "the service was told to stop", context);
  let next = service;
  for (const active of service.rollout?.active ?? []) next = advanceSlot(next, active, context);
  const { rollout } = next;
  if (!rollout) return next;
  if (rollout.deadlineMs <= context.nowMs) return fail(next, "the reload took too long", context);
  if (rollout.pending.length === 0 && rollout.active.length === 0) return finish(next, context);
  return beginMore(next, context);
}

function advanceSlot(service: Service, active: ActiveSlot, context: ServiceContext): Service {
  const { rollout } = service;
  const slot = service.slots.find((one) => one.slot === active.slot);
  if (!rollout || !slot) return service;
  const run = [slot.successor, slot.current].find((one) => one?.generation === active.generation);
  // A rolling restart has its generation only once the predecessor has ended.
  if (!run && slot.generation < active.generation && slot.current) return service;
  if (!run || run.phase === "stopping" || run.phase === "clearing" || run.phase === "ended") {
    return fail(service, `slot ${active.slot}: ${whyNot(slot, active)}`, context);
  }
  if (run.phase !== "up") return service;
  if (run.health.ok === false) return fail(service, `slot ${active.slot}: unhealthy`, context);
  const observed = settle(active, context.nowMs, service.spec.reload.settleMs);
  if (!observed.settled || mustProveHealth(service, run.health)) return replaceActive(service, rollout, observed);
  const taken = withSlot(service, active.slot, (one) => completeHandoff(one, inSlot(service, one, context)));
  const rest = rollout.active.filter((one) => one.slot !== active.slot);
  return { ...taken, rollout: { ...rollout, active: rest, done: [...rollout.done, active.slot] } };
}

/** With a health check, a successor is not believed before it has answered one. */
function mustProveHealth({ spec }: Service, health: { ok: boolean | null }): boolean {
  return spec.health !== undefined && health.ok === null;
}

function settle(active: ActiveSlot, nowMs: number, settleMs: number): ActiveSlot {
  if (active.settled) return active;
  const settlesAtMs = active.settlesAtMs ?? nowMs + settleMs;
  const { slot, generation } = active;
  return settlesAtMs <= nowMs ? { slot, generation, settled: true } : { ...active, settlesAtMs };
}

function replaceActive(service: Service, rollout: Rollout, active: ActiveSlot): Service {
  return {
    ...service,
    rollout: { ...rollout, active: rollout.active.map((o) => (o.slot === active.slot ? active : o)) },
  };
}

function beginMore(service: Service, context: ServiceContext): Service {
  const { rollout, spec } = service;
  if (!rollout) return service;
  const room = Math.max(0, spec.reload.parallel - rollout.active.length);
  let next = service;
  const begun: ActiveSlot[] = [];
  for (const number of rollout.pending.slice(0, room)) {
    next = withSlot(next, number, (slot) => {
      begun.push({ slot: number, generation: slot.generation + 1, settled: false });
      const inner = inSlot(next, slot, context);
      if (!slot.current) return startSlot(slot, inner);
      return spec.reload.style === "rolling" ? beginHandoff(slot, inner) : restartSlot(slot, inner);
    });
  }
  if (begun.length === 0) return next;
  return {
    ...next,
    rollout: { ...rollout, pending: rollout.pending.slice(room), active: [...rollout.active, ...begun] },
  };
}

function whyNot(slot: Slot, { generation }: ActiveSlot): string {
  const run = runsOf(slot).find((one) => one.generation === generation);
  if (run?.phase === "ended" && run.error) return run.error;
  if (run && "exit" in run && run.exit) return endOf(run);
  if (run?.phase === "stopping") return run.why === "not_ready" ? "it was not ready in time" : `stopped (${run.why})`;
  return slot.failure?.generation === generation ? slot.failure.reason : "it did not last";
}

function finish(service: Service, context: ServiceContext): Service {
  const { rollout, ...rest } = service;
  if (!rollout) return service;
  const { name } = service.spec;
  if (rollout.reverting !== undefined) return failed(rest, rollout.reverting, context);
  const tookMs = context.nowMs - rollout.startedAtMs;
  const event = { type: "reload_completed", service: name, revision: service.revision, slots: rollout.done, tookMs };
  context.effects.push({ do: "record", event });
  return rollout.again ? beginRollout(rest, { before: rest }, context) : rest;
}

/** The first bad slot ends the whole: no other is begun, and what was replaced is put back or kept as the spec says. */
function fail(service: Service, cause: string, context: ServiceContext): Service {
  const { rollout } = service;
  if (!rollout) return service;
  let next = service;
  for (const { slot } of rollout.active) {
    next = withSlot(next, slot, (one) => abortHandoff(one, inSlot(service, one, context)));
  }
  const putBack = service.spec.reload.onFailure === "revert" && rollout.before.revision !== service.revision;
  if (rollout.reverting !== undefined || !putBack) return failed(withoutRollout(next), cause, context);
  const reverted = { ...next, ...rollout.before };
  if (rollout.done.length === 0) return failed(withoutRollout(reverted), cause, context);
  const deadlineMs = context.nowMs + service.spec.reload.timeoutMs;
  return {
    ...reverted,
    rollout: { ...rollout, pending: rollout.done, active: [], done: [], deadlineMs, reverting: cause },
  };
}

function abandon(service: Service, cause: string, context: ServiceContext): Service {
  return service.rollout ? failed(withoutRollout(service), cause, context) : service;
}

function failed(service: Service, cause: string, { effects }: ServiceContext): Service {
  effects.push({ do: "record", event: { type: "reload_failed", service: service.spec.name, cause } });
  return service;
}

function withoutRollout({ rollout: _, ...service }: Service): Service {
  return service;
}
