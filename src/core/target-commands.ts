import { goalOf } from "./dependencies.ts";
import type { Draft } from "./draft.ts";
import { beginRollout, watchRestart } from "./rollout.ts";
import { hasServiceFailed, inSlot, isServiceHeld, type Service, withSlots } from "./service.ts";
import type { Slot } from "./slot.ts";
import { resetSlot, restartSlot, startSlot } from "./slot-step.ts";

/** One service, or one slot of it. */
export interface Target {
  readonly service: string;
  readonly slot?: number;
}

export function start(draft: Draft, target: Target): void {
  want(draft, target);
  onSlots(draft, target, (slot, service) => {
    const released = { ...slot, held: false };
    if (service.spec.schedule)
      return mayStart(draft, service) ? startSlot(released, inSlot(service, slot, draft)) : slot;
    return slot.current ? released : { ...resetSlot(released), rest: { state: "down" } };
  });
}

export function stop(draft: Draft, target: Target): void {
  if (target.slot === undefined) draft.change(target.service, (service) => ({ ...service, desired: "down" }));
  else onSlots(draft, target, (slot) => ({ ...slot, held: true }));
  onSlots(draft, target, (slot) => {
    const isQuiet = !slot.current && (slot.rest.state === "failed" || slot.rest.state === "down");
    return isQuiet ? { ...resetSlot(slot), reason: "stopped" } : slot;
  });
}

export function restart(draft: Draft, target: Target): void {
  want(draft, target);
  onSlots(draft, target, (slot, service) => {
    if (slot.current) return restartSlot(slot, inSlot(service, slot, draft));
    return { ...resetSlot(slot), held: false, rest: { state: "down" } };
  });
  draft.change(target.service, (service) =>
    service.slots.filter((slot) => isMeant(slot, target) && slot.again).reduce(watchRestart, service),
  );
}

/** Replaces or signals what runs; what does not run has the newest definition when it starts. */
export function reload(draft: Draft, { service: name, slot }: Target): void {
  draft.change(name, (service) => {
    if (goalOf(service, draft).kind !== "stop") {
      const begun = beginRollout(service, { before: service }, draft);
      // One that is under way already is followed by one of all.
      return slot === undefined || service.rollout ? begun : onlyIn(begun, slot);
    }
    draft.effects.push({ do: "record", event: { type: "reload_refused", service: name, cause: "it does not run" } });
    return service;
  });
}

function onlyIn({ rollout, ...service }: Service, slot: number): Service {
  return rollout
    ? { ...service, rollout: { ...rollout, pending: rollout.pending.filter((one) => one === slot) } }
    : service;
}

export function signal(draft: Draft, target: Target, name: string): void {
  onSlots(draft, target, (slot, service) => {
    if (slot.current && "process" in slot.current) {
      const run = { service: service.spec.name, slot: slot.slot, generation: slot.current.generation };
      draft.effects.push({ do: "signal", run, signal: name });
    }
    return slot;
  });
}

export function onSlots(draft: Draft, target: Target, change: (slot: Slot, service: Service) => Slot): void {
  draft.change(target.service, (service) =>
    withSlots(service, (slot) => (isMeant(slot, target) ? change(slot, service) : slot)),
  );
  draft.touch(target.service);
}

function isMeant({ slot }: Slot, target: Target): boolean {
  return (target.slot ?? slot) === slot;
}

/** A service that is wanted wants those it cannot live without. Of one that was stopped, only the named slot is. */
function want(draft: Draft, { service: name, slot }: Target): void {
  const before = draft.get(name);
  if (!before) return;
  for (const required of before.spec.requires) {
    const other = draft.get(required);
    const isMissing = other && (other.desired === "down" || hasServiceFailed(other) || isServiceHeld(other));
    if (isMissing) start(draft, { service: required });
  }
  if (before.desired === "up") return;
  draft.change(name, (service) => {
    const wanted: Service = { ...service, desired: "up" };
    return slot === undefined ? wanted : withSlots(wanted, (one) => ({ ...one, held: one.slot !== slot }));
  });
}

function mayStart(draft: Draft, service: Service): boolean {
  return goalOf(service, draft).kind === "run";
}
