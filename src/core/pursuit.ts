import { advanceRollout, rolloutDeadline } from "./rollout.ts";
import { earliest } from "./run.ts";
import { type Goal, inSlot, resized, type Service, type ServiceContext, withoutDue, withSlots } from "./service.ts";
import { isAtRest, type Slot, slotDeadline } from "./slot.ts";
import * as slots from "./slot-step.ts";

/** A scheduled run that is later than this is not made up for. */
const missedMs = 60_000;

/** Brings every slot towards the goal, moves a rollout on, and drops slots that were scaled away. */
export function pursue(service: Service, goal: Goal, context: ServiceContext): Service {
  const towards = withSlots(resizedService(service), (slot) => {
    if (goal.kind === "stop" || slot.held || slot.slot >= service.spec.instances) {
      return slots.wantSlot(slot, false, inSlot(service, slot, context));
    }
    if (service.spec.schedule) return slot;
    if (goal.kind === "run") return slots.wantSlot(slot, true, inSlot(service, slot, context));
    return waiting(slot, goal.reason);
  });
  const rolled = towards.rollout ? advanceRollout(towards, goal, context) : towards;
  return planned(trimmed(rolled, context), goal, context);
}

export function serviceDeadline({ slots: all, rollout, dueMs }: Service): number | undefined {
  return earliest(dueMs, rollout && rolloutDeadline(rollout), ...all.map(slotDeadline));
}

export function tickService(service: Service, context: ServiceContext): Service {
  const next = withSlots(service, (slot) => slots.tickSlot(slot, inSlot(service, slot, context)));
  return next.dueMs !== undefined && next.dueMs <= context.nowMs ? runScheduled(next, context) : next;
}

function waiting(slot: Slot, reason: string): Slot {
  if (slot.current || slot.rest.state !== "down" || slot.reason === reason) return slot;
  return { ...slot, wanted: true, reason };
}

function resizedService(service: Service): Service {
  if (service.leaving || service.slots.length >= service.spec.instances) return service;
  return { ...service, slots: resized(service.slots, service.spec.instances) };
}

function trimmed(service: Service, { effects }: ServiceContext): Service {
  const beyond = (slot: Slot) => (service.leaving || slot.slot >= service.spec.instances) && isAtRest(slot);
  const gone = service.slots.filter(beyond);
  if (gone.length === 0) return service;
  for (const { slot } of gone) effects.push({ do: "close_listeners", service: service.spec.name, slot });
  return { ...service, slots: service.slots.filter((slot) => !beyond(slot)) };
}

/** A scheduled task asks for its next moment when it has none, and forgets it when it must not run. */
function planned(service: Service, goal: Goal, { effects }: ServiceContext): Service {
  if (!service.spec.schedule) return service;
  if (goal.kind === "stop") return withoutDue(service);
  if (service.dueMs === undefined) effects.push({ do: "plan_schedule", service: service.spec.name });
  return service;
}

function runScheduled(service: Service, context: ServiceContext): Service {
  const { name, schedule } = service.spec;
  context.effects.push({ do: "plan_schedule", service: name });
  const lateMs = context.nowMs - (service.dueMs ?? context.nowMs);
  if (lateMs > missedMs) {
    const cause = `it was due ${Math.round(lateMs / 1000)} s ago, when nobody could start it`;
    context.effects.push({ do: "record", event: { type: "schedule_missed", service: name, cause } });
    return withoutDue(service);
  }
  return withSlots(withoutDue(service), (slot) => {
    if (slot.held) return slot;
    const inner = inSlot(service, slot, context);
    if (!slot.current) return slots.startSlot(slot, inner);
    if (schedule?.overlap) return slots.overlapSlot(slot, inner);
    const cause = "the previous run is still going";
    context.effects.push({ do: "record", event: { type: "schedule_skipped", service: name, slot: slot.slot, cause } });
    return slot;
  });
}
