import { advanceRollout, rolloutDeadline } from "./rollout.ts";
import { earliest } from "./run.ts";
import { type Goal, inSlot, resized, type Service, type ServiceContext, withoutDue, withSlots } from "./service.ts";
import { isAtRest, isReady, type Slot, slotDeadline } from "./slot.ts";
import { abortHandoff } from "./slot-handoff.ts";
import * as slots from "./slot-step.ts";

/** A scheduled run that is later than this is not made up for. */
const missedMs = 60_000;

/** Brings every slot towards the goal, moves a rollout on, and drops slots that were scaled away. */
export function pursue(service: Service, goal: Goal, context: ServiceContext): Service {
  const resized = resizedService(service);
  const towards = withSlots(resized, (slot) => pursueSlot(slot, { service: resized, goal }, context));
  const rolled = towards.rollout ? advanceRollout(towards, goal, context) : towards;
  return scheduled(trimmed(rolled, context), goal, context);
}

/** What is to stop, and has to wait for others to stop first, goes on as it is and begins nothing. */
export function standBy(service: Service, context: ServiceContext): Service {
  const alone = withSlots(service, (slot) => abortHandoff(slot, inSlot(service, slot, context)));
  return withoutDue(alone.rollout ? advanceRollout(alone, { kind: "stop" }, context) : alone);
}

function pursueSlot(
  slot: Slot,
  { service, goal }: { readonly service: Service; readonly goal: Goal },
  context: ServiceContext,
): Slot {
  const inner = inSlot(service, slot, context);
  if (goal.kind === "stop") return because(slots.wantSlot(slot, false, inner), goal.reason);
  if (slot.held || slot.slot >= service.spec.instances) {
    return isServedByOthers(service, slot) ? slots.drainSlot(slot, inner) : slots.wantSlot(slot, false, inner);
  }
  if (service.spec.schedule) return slot;
  return goal.kind === "run" ? slots.wantSlot(slot, true, inner) : waiting(slot, goal.reason);
}

/** Whether new connections can go to other slots while this one serves those that wait for it. */
function isServedByOthers({ spec, slots }: Service, { slot, current }: Slot): boolean {
  if (current?.phase === "draining") return true;
  if (spec.balance !== "even" || !spec.listen.some(({ address }) => address.family === "tcp")) return false;
  return slots.some((other) => other.slot !== slot && other.slot < spec.instances && !other.held && isReady(other));
}

export function serviceDeadline({ slots: all, rollout, dueMs }: Service): number | undefined {
  return earliest(dueMs, rollout && rolloutDeadline(rollout), ...all.map(slotDeadline));
}

export function tickService(service: Service, context: ServiceContext): Service {
  return withSlots(service, (slot) => slots.tickSlot(slot, inSlot(service, slot, context)));
}

function waiting(slot: Slot, reason: string): Slot {
  if (slot.current || slot.rest.state !== "down" || slot.reason === reason) return slot;
  return { ...slot, wanted: true, reason };
}

function because(slot: Slot, reason: string | undefined): Slot {
  const isDown = !slot.current && slot.rest.state === "down";
  return isDown && reason !== undefined && slot.reason !== reason ? { ...slot, reason } : slot;
}

function resizedService(service: Service): Service {
  if (service.leaving || service.slots.length >= service.spec.instances) return service;
  return { ...service, slots: resized(service.slots, service.spec.instances, service.spentGeneration) };
}

function trimmed(service: Service, { effects }: ServiceContext): Service {
  const beyond = (slot: Slot) => (service.leaving || slot.slot >= service.spec.instances) && isAtRest(slot);
  const gone = service.slots.filter(beyond);
  if (gone.length === 0) return service;
  for (const { slot } of gone) effects.push({ do: "close_listeners", service: service.spec.name, slot });
  const spentGeneration = Math.max(service.spentGeneration ?? 0, ...gone.map(({ generation }) => generation));
  return { ...service, spentGeneration, slots: service.slots.filter((slot) => !beyond(slot)) };
}

/** A scheduled task runs when it is due, asks for its next moment when it has none, and forgets it when it must not run. */
function scheduled(service: Service, goal: Goal, context: ServiceContext): Service {
  if (!service.spec.schedule || goal.kind === "stop") return withoutDue(service);
  const isDue = service.dueMs !== undefined && service.dueMs <= context.nowMs;
  const next = isDue ? runScheduled(service, goal, context) : service;
  if (next.dueMs === undefined) planSchedule(next, context);
  return next;
}

function planSchedule({ spec }: Service, { effects }: ServiceContext): void {
  const isAsked = effects.some((effect) => effect.do === "plan_schedule" && effect.service === spec.name);
  if (!isAsked) effects.push({ do: "plan_schedule", service: spec.name });
}

function runScheduled({ dueMs, ...service }: Service, goal: Goal, context: ServiceContext): Service {
  const { name, schedule } = service.spec;
  const say = (type: string, cause: string): void => {
    context.effects.push({ do: "record", event: { type, service: name, cause } });
  };
  const lateMs = context.nowMs - (dueMs ?? context.nowMs);
  if (lateMs > missedMs) {
    say("schedule_missed", `it was due ${Math.round(lateMs / 1000)} s ago, when nobody could start it`);
    return service;
  }
  if (goal.kind === "wait") {
    say("schedule_skipped", goal.reason);
    return service;
  }
  // A rollout goes back to what was before it, which may be a service: an overlapping run would then live beside it.
  if (service.rollout) {
    say("schedule_skipped", "it is being reloaded");
    return service;
  }
  return withSlots(service, (slot) => {
    if (slot.held) return slot;
    const inner = inSlot(service, slot, context);
    if (!slot.current) return slots.startSlot(slot, inner);
    if (schedule?.overlap) return slots.overlapSlot(slot, inner);
    say("schedule_skipped", "the previous run is still going");
    return slot;
  });
}
