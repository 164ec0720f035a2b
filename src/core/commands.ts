import { dependentsOf } from "./dependencies.ts";
import type { Draft } from "./draft.ts";
import { assertNever } from "./errors.ts";
import type { ChangeEffect } from "./plan.ts";
import { beginRollout } from "./rollout.ts";
import { inSlot, newService, type Service, withSlots } from "./service.ts";
import type { Slot } from "./slot.ts";
import * as slots from "./slot-step.ts";
import type { ServiceSpec } from "./spec.ts";

/** One service, or one slot of it. */
export interface Target {
  readonly service: string;
  readonly slot?: number;
}

/** What an operator asks for; names were checked before. */
export type Command = { readonly type: "command" } & (
  | { readonly command: "apply"; readonly revision: number; readonly changes: readonly ServiceChange[] }
  | {
      readonly command: "start" | "stop" | "restart" | "reload" | "reset" | "delete";
      readonly targets: readonly Target[];
    }
  | { readonly command: "signal"; readonly targets: readonly Target[]; readonly signal: string }
  | { readonly command: "end" }
);

/** One line of a plan that is being carried out. */
export type ServiceChange =
  | {
      readonly kind: "set";
      readonly spec: ServiceSpec;
      readonly source: string | null;
      /** What the difference does to what runs. */
      readonly effect: ChangeEffect;
    }
  | { readonly kind: "remove"; readonly service: string };

export function carryOut(draft: Draft, command: Command): void {
  switch (command.command) {
    case "apply":
      for (const change of command.changes) applyChange(draft, change, command.revision);
      linkDependents(draft);
      return;
    case "start":
      for (const target of command.targets) start(draft, target);
      return;
    case "stop":
      for (const target of command.targets) stop(draft, target);
      return;
    case "restart":
      for (const target of command.targets) restart(draft, target);
      return;
    case "reload":
      for (const { service } of command.targets) {
        draft.change(service, (one) => (one.desired === "up" ? beginRollout(one, { before: one }, draft) : one));
      }
      return;
    case "reset":
      for (const target of command.targets) onSlots(draft, target, slots.resetSlot);
      return;
    case "delete":
      for (const { service } of command.targets) draft.change(service, (one) => ({ ...one, leaving: true }));
      linkDependents(draft);
      return;
    case "signal":
      for (const target of command.targets) signal(draft, target, command.signal);
      return;
    case "end":
      draft.ending = true;
      for (const [name] of draft.services()) draft.touch(name);
      return;
    default:
      assertNever(command);
  }
}

function applyChange(draft: Draft, change: ServiceChange, revision: number): void {
  if (change.kind === "remove") {
    draft.change(change.service, (service) => ({ ...service, leaving: true }));
    return;
  }
  const { spec, source, effect } = change;
  const before = draft.get(spec.name);
  if (!before || before.leaving) {
    const fresh = newService(spec, { revision, source, desired: "up" });
    // What is left of a removed service of that name still has to end in its slots.
    draft.put(spec.name, before ? { ...fresh, slots: before.slots } : fresh);
    return;
  }
  const changed: Service = { ...before, spec, source, revision };
  draft.put(spec.name, renewed(changed, { before, effect }, draft));
}

function renewed(
  service: Service,
  { before, effect }: { before: Service; effect: ChangeEffect },
  draft: Draft,
): Service {
  if (effect === "reload" && service.desired === "up") return beginRollout(afresh(service, draft), { before }, draft);
  if (effect !== "restart") return effect === "reload" ? service : revised(service);
  return withSlots(service, (slot) => {
    const inner = inSlot(service, slot, draft);
    return slot.current ? slots.restartSlot(slot, inner) : tryAgain(slot, service, draft);
  });
}

/** Running instances need no restart to be of this revision. */
function revised(service: Service): Service {
  return withSlots(service, (slot) =>
    slot.current ? { ...slot, current: { ...slot.current, revision: service.revision } } : slot,
  );
}

/** A changed definition may be what a failed slot was waiting for. */
function afresh(service: Service, draft: Draft): Service {
  return withSlots(service, (slot) => (slot.current ? slot : tryAgain(slot, service, draft)));
}

function tryAgain(slot: Slot, service: Service, _draft: Draft): Slot {
  if (service.desired !== "up" || slot.held || service.spec.schedule) return slot;
  return slot.rest.state === "down" ? slot : { ...slots.resetSlot(slot), rest: { state: "down" } };
}

/** A service that is wanted wants those it cannot live without. */
function want(draft: Draft, name: string): void {
  const before = draft.get(name);
  if (!before) return;
  for (const required of before.spec.requires) {
    if (draft.get(required)?.desired === "down") start(draft, { service: required });
  }
  draft.change(name, (service) => ({ ...service, desired: "up" }));
}

function start(draft: Draft, target: Target): void {
  want(draft, target.service);
  onSlots(draft, target, (slot, service) => {
    const released = { ...slot, held: false };
    if (service.spec.schedule) return slots.startSlot(released, inSlot(service, slot, draft));
    return slot.current ? released : { ...slots.resetSlot(released), rest: { state: "down" } };
  });
}

function stop(draft: Draft, target: Target): void {
  if (target.slot === undefined) draft.change(target.service, (service) => ({ ...service, desired: "down" }));
  else onSlots(draft, target, (slot) => ({ ...slot, held: true }));
  onSlots(draft, target, (slot) => (slot.rest.state === "failed" ? slots.resetSlot(slot) : slot));
}

function restart(draft: Draft, target: Target): void {
  want(draft, target.service);
  onSlots(draft, target, (slot, service) => {
    if (slot.current) return slots.restartSlot(slot, inSlot(service, slot, draft));
    return { ...slots.resetSlot(slot), held: false, rest: { state: "down" } };
  });
}

function signal(draft: Draft, target: Target, name: string): void {
  onSlots(draft, target, (slot, service) => {
    if (slot.current && "process" in slot.current) {
      const run = { service: service.spec.name, slot: slot.slot, generation: slot.current.generation };
      draft.effects.push({ do: "signal", run, signal: name });
    }
    return slot;
  });
}

function onSlots(draft: Draft, target: Target, change: (slot: Slot, service: Service) => Slot): void {
  draft.change(target.service, (service) =>
    withSlots(service, (slot) => ((target.slot ?? slot.slot) === slot.slot ? change(slot, service) : slot)),
  );
  draft.touch(target.service);
}

function linkDependents(draft: Draft): void {
  const dependents = dependentsOf(new Map(draft.services()));
  for (const [name] of draft.services()) {
    const now = dependents.get(name) ?? [];
    draft.change(name, (service) =>
      String(service.dependents) === String(now) ? service : { ...service, dependents: now },
    );
  }
}
