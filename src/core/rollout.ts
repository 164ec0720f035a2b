import { beginInSlot, judgeSlot, takingOver } from "./rollout-slot.ts";
import { earliest } from "./run.ts";
import {
  type ActiveSlot,
  type Goal,
  inSlot,
  type Rollout,
  type Service,
  type ServiceContext,
  wantedSlots,
  withSlot,
  withSlots,
} from "./service.ts";
import type { Slot } from "./slot.ts";
import { abortHandoff, completeHandoff } from "./slot-handoff.ts";

/**
 * Begins a reload.
 *
 * One that is under way already is followed by this one; where the definition has changed meanwhile, it is given up for this
 * one, which if need be goes back to what the first one began with.
 */
export function beginRollout(
  service: Service,
  { before }: { before: Rollout["before"] },
  context: ServiceContext,
): Service {
  const { rollout } = service;
  if (!rollout) return begun(service, { before }, context);
  if (before.revision === service.revision) return { ...service, rollout: { ...rollout, again: true } };
  const cause = `revision ${service.revision} came in its place`;
  context.effects.push({ do: "record", event: { type: "reload_superseded", service: service.spec.name, cause } });
  const origin = rollout.reverting === undefined ? rollout.before : before;
  return begun(withoutRollout(withoutSuccessors(service, context)), { before: origin }, context);
}

export function rolloutDeadline({ active, deadlineMs }: Rollout): number | undefined {
  return earliest(deadlineMs, ...active.map(({ settlesAtMs }) => settlesAtMs));
}

/** Has one slot replaced as in a reload: by a rollout of its own, or as the last one of that under way. */
export function replaceSlot(service: Service, slot: number, context: ServiceContext): Service {
  const { rollout } = service;
  if (rollout) return { ...service, rollout: { ...rollout, pending: [...rollout.pending, slot] } };
  const next = begun(service, { before: service }, context);
  if (!next.rollout) return next;
  // A signal would not make it a fresh process.
  const style = next.rollout.style === "signal" ? "restart" : next.rollout.style;
  return { ...next, rollout: { ...next.rollout, style, pending: [slot] } };
}

/** Moves the rollout on as far as it goes now. */
export function advanceRollout(service: Service, goal: Goal, context: ServiceContext): Service {
  if (goal.kind === "stop") return conclude(service, "the service was told to stop", context);
  let next = withoutLost(service);
  for (const active of next.rollout?.active ?? []) {
    if (next.rollout?.active.includes(active)) next = advanceSlot(next, active, context);
  }
  const { rollout } = next;
  if (!rollout) return next;
  if (rollout.deadlineMs <= context.nowMs) return fail(next, "the reload took too long", context);
  if (rollout.pending.length === 0 && rollout.active.length === 0) return conclude(next, rollout.reverting, context);
  return beginMore(next, goal, context);
}

/** Has the rollout watch a slot that an operator restarts meanwhile: what starts there is of the new definition. */
export function watchRestart(service: Service, slot: Slot): Service {
  const { rollout } = service;
  if (!rollout) return service;
  const without = (numbers: readonly number[]) => numbers.filter((number) => number !== slot.slot);
  const others = rollout.active.filter((active) => active.slot !== slot.slot);
  const active = [...others, { slot: slot.slot, generation: takingOver(slot), settled: false }];
  return {
    ...service,
    rollout: { ...rollout, pending: without(rollout.pending), done: without(rollout.done), active },
  };
}

function begun(service: Service, { before }: { before: Rollout["before"] }, context: ServiceContext): Service {
  const { name, reload, kind } = service.spec;
  context.effects.push({
    do: "record",
    event: { type: "reload_started", service: name, revision: service.revision },
  });
  // Two runs of a task side by side would do its work twice.
  const style = kind === "task" && reload.style === "rolling" ? "restart" : reload.style;
  const concerned = wantedSlots(service).filter(({ current }) => {
    if (style === "signal") return current?.phase === "up";
    return kind === "service" || current !== undefined;
  });
  const rollout: Rollout = {
    style,
    pending: concerned.map(({ slot }) => slot),
    active: [],
    done: [],
    startedAtMs: context.nowMs,
    deadlineMs: context.nowMs + reload.timeoutMs,
    before: { spec: before.spec, revision: before.revision },
    again: false,
  };
  return { ...service, rollout };
}

/** Slots that were stopped or scaled away meanwhile have no part in it any more. */
function withoutLost(service: Service): Service {
  const { rollout } = service;
  if (!rollout) return service;
  const wanted = new Set(wantedSlots(service).map(({ slot }) => slot));
  const pending = rollout.pending.filter((slot) => wanted.has(slot));
  const active = rollout.active.filter(({ slot }) => wanted.has(slot));
  const same = pending.length === rollout.pending.length && active.length === rollout.active.length;
  return same ? service : { ...service, rollout: { ...rollout, pending, active } };
}

function advanceSlot(service: Service, active: ActiveSlot, context: ServiceContext): Service {
  const { rollout } = service;
  const slot = service.slots.find((one) => one.slot === active.slot);
  if (!rollout || !slot) return service;
  const verdict = judgeSlot({ slot, active, style: rollout.style }, inSlot(service, slot, context));
  if (verdict.kind === "failed") {
    // Whoever asks what went wrong is shown the last lines of this very run.
    const failure = { ...verdict.failure, atMs: context.nowMs };
    return fail(
      withSlot(service, active.slot, (one) => ({ ...one, failure })),
      verdict.cause,
      context,
    );
  }
  if (verdict.kind === "done") return taken(service, active.slot, context);
  if (verdict.active === active) return service;
  const others = rollout.active.map((one) => (one === active ? verdict.active : one));
  return { ...service, rollout: { ...rollout, active: others } };
}

function taken(service: Service, number: number, context: ServiceContext): Service {
  const { rollout } = service;
  if (!rollout) return service;
  const handed = withSlot(service, number, (slot) => completeHandoff(slot, inSlot(service, slot, context)));
  const active = rollout.active.filter(({ slot }) => slot !== number);
  return { ...handed, rollout: { ...rollout, active, done: [...rollout.done, number] } };
}

function beginMore(service: Service, goal: Goal, context: ServiceContext): Service {
  const { rollout, spec } = service;
  if (!rollout) return service;
  const numbers = rollout.pending.slice(0, Math.max(0, spec.reload.parallel - rollout.active.length));
  if (numbers.length === 0) return service;
  const pending = rollout.pending.slice(numbers.length);
  const next: Service = { ...service, rollout: { ...rollout, pending } };
  return numbers.reduce((one, number) => beginSlot(one, { number, goal }, context), next);
}

function beginSlot(
  service: Service,
  { number, goal }: { readonly number: number; readonly goal: Goal },
  context: ServiceContext,
): Service {
  const { rollout } = service;
  const slot = service.slots.find((one) => one.slot === number);
  if (!rollout || !slot) return service;
  // What waits for others begins with the new definition when its time comes.
  if (!slot.current && slot.rest.state === "down" && goal.kind === "wait") return taken(service, number, context);
  const changes = rollout.reverting !== undefined || rollout.before.revision !== service.revision;
  const isNew = changes && slot.current?.revision === service.revision;
  const begun = beginInSlot(slot, { style: rollout.style, isNew }, inSlot(service, slot, context));
  const active = { slot: number, generation: takingOver(begun), settled: false };
  return { ...withSlot(service, number, () => begun), rollout: { ...rollout, active: [...rollout.active, active] } };
}

/** The first bad slot ends the whole: no other is begun, and what was replaced is put back or kept as the spec says. */
function fail(service: Service, cause: string, context: ServiceContext): Service {
  const { rollout } = service;
  if (!rollout) return service;
  const alone = withoutSuccessors(service, context);
  if (rollout.reverting !== undefined) {
    return conclude(alone, `${rollout.reverting}; and going back failed: ${cause}`, context);
  }
  const putBack = service.spec.reload.onFailure === "revert" && rollout.before.revision !== service.revision;
  if (!putBack) return conclude(alone, cause, context);
  context.effects.push({ do: "record", event: { type: "reload_turned_back", service: service.spec.name, cause } });
  const reverted: Service = { ...alone, ...rollout.before };
  const pending = wantedSlots(reverted)
    .filter(({ current }) => current?.revision !== reverted.revision)
    .map(({ slot }) => slot);
  const deadlineMs = context.nowMs + reverted.spec.reload.timeoutMs;
  const back: Rollout = { ...rollout, pending, active: [], done: [], deadlineMs, reverting: cause };
  return pending.length === 0
    ? conclude({ ...reverted, rollout: back }, cause, context)
    : { ...reverted, rollout: back };
}

/** The end of a rollout, good or bad; then the next one, if it was asked for meanwhile. */
function conclude(service: Service, failure: string | undefined, context: ServiceContext): Service {
  const { rollout } = service;
  if (!rollout) return service;
  const { name } = service.spec;
  const tookMs = context.nowMs - rollout.startedAtMs;
  const event =
    failure === undefined
      ? { type: "reload_completed", service: name, revision: service.revision, slots: rollout.done, tookMs }
      : { type: "reload_failed", service: name, cause: failure };
  context.effects.push({ do: "record", event });
  const next = withoutRollout(service);
  return rollout.again ? begun(next, { before: next }, context) : next;
}

function withoutSuccessors(service: Service, context: ServiceContext): Service {
  return withSlots(service, (slot) => abortHandoff(slot, inSlot(service, slot, context)));
}

function withoutRollout({ rollout: _, ...service }: Service): Service {
  return service;
}
