import type { Draft } from "./draft.ts";
import type { ChangeEffect } from "./plan.ts";
import { beginRollout } from "./rollout.ts";
import { inSlot, newService, type Service, withoutDue, withSlots } from "./service.ts";
import type { Slot } from "./slot.ts";
import { resetSlot, restartSlot, reviseSlot, stopOthers } from "./slot-step.ts";
import type { ServiceSpec } from "./spec.ts";

/** One line of a plan that is being carried out. */
export type ServiceChange =
  | {
      readonly kind: "set";
      readonly spec: ServiceSpec;
      readonly source: string | null;
      /** What the difference does to what runs. */
      readonly effect: ChangeEffect;
      /** The number of instances in the file, where an operator's number holds instead. */
      readonly scaledFrom?: number;
    }
  | { readonly kind: "remove"; readonly service: string };

export function applyChange(draft: Draft, change: ServiceChange, revision: number): void {
  if (change.kind === "remove") {
    draft.change(change.service, (service) => ({ ...service, leaving: true }));
    return;
  }
  const { spec, source, effect } = change;
  const before = draft.get(spec.name);
  if (!before || before.leaving) {
    const fresh = newService(spec, { revision, source, desired: "up" });
    // What is left of a removed service of that name still has to end in its slots.
    draft.put(spec.name, before ? { ...fresh, slots: before.slots.map(releasedSlot) } : fresh);
    return;
  }
  const { scaledFrom: _, ...rest } = before;
  const scaled = change.scaledFrom === undefined ? {} : { scaledFrom: change.scaledFrom };
  const changed: Service = { ...rest, ...scaled, spec, source, revision };
  draft.put(spec.name, renewed(sameSchedule(before, spec) ? changed : withoutDue(changed), { before, effect }, draft));
}

function renewed(
  service: Service,
  { before, effect }: { before: Service; effect: ChangeEffect },
  draft: Draft,
): Service {
  const again = withSlots(service, (slot) => tryAgain(slot, service));
  switch (effect) {
    case "reload":
      return service.desired === "up" ? beginRollout(again, { before }, draft) : again;
    case "restart":
      return withSlots(again, (slot) => {
        const isOn = service.desired === "up" && !slot.held && slot.current !== undefined;
        const inner = inSlot(service, slot, draft);
        return isOn ? restartSlot(slot, inner) : stopOthers(slot, inner);
      });
    default:
      return withSlots(service, (slot) => reviseSlot(slot, { before }, inSlot(service, slot, draft)));
  }
}

/** A changed definition may be what a failed slot was waiting for. */
function tryAgain(slot: Slot, service: Service): Slot {
  if (slot.current || slot.rest.state === "down") return slot;
  if (service.desired !== "up" || slot.held || service.spec.schedule) return slot;
  return { ...resetSlot(slot), rest: { state: "down" } };
}

function releasedSlot(slot: Slot): Slot {
  return { ...resetSlot(slot), held: false };
}

function sameSchedule({ spec }: Service, { schedule }: ServiceSpec): boolean {
  return JSON.stringify(spec.schedule) === JSON.stringify(schedule);
}
