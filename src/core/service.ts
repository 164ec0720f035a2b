import type { Effect, RunFact } from "./effects.ts";
import type { RunContext } from "./run.ts";
import { isAtRest, isReady, newSlot, type Slot } from "./slot.ts";
import { stepSlot } from "./slot-step.ts";
import type { ReloadSpec, ServiceSpec } from "./spec.ts";

/** One entry of the configuration and everything that runs for it. */
export interface Service {
  readonly spec: ServiceSpec;
  readonly revision: number;
  /** The file it came from; null for one started ad hoc. */
  readonly source: string | null;
  /** What the operator wants. Dependencies may hold it back all the same. */
  readonly desired: "up" | "down";
  /**
   * An operator scaled it: what its file said then. Until the file says something else, the operator's number holds.
   */
  readonly scaledFrom?: number;
  /** The highest generation of slots that were scaled away: those that come back begin behind it, so no run is named twice. */
  readonly spentGeneration?: number;
  /** Taken out of the configuration: it goes once it is at rest. */
  readonly leaving: boolean;
  /** By slot number; those at or beyond `spec.instances` are being scaled away. */
  readonly slots: readonly Slot[];
  readonly rollout?: Rollout;
  /** Who has it in `after`: derived from the specs of all, and kept here so that a change finds them at once. */
  readonly dependents: readonly string[];
  /** When a scheduled task is next due. */
  readonly dueMs?: number;
}

/** A reload under way: slots are replaced a few at a time, and all or none keep the change. */
export interface Rollout {
  /** As it was when the rollout began. */
  readonly style: ReloadSpec["style"];
  /** Slots not begun yet. */
  readonly pending: readonly number[];
  readonly active: readonly ActiveSlot[];
  readonly done: readonly number[];
  readonly startedAtMs: number;
  readonly deadlineMs: number;
  /** What to go back to. */
  readonly before: { readonly spec: ServiceSpec; readonly revision: number };
  /** It failed for this cause, and what was replaced is being put back. */
  readonly reverting?: string;
  /** Another reload was asked for meanwhile: it follows. */
  readonly again: boolean;
}

export interface ActiveSlot {
  readonly slot: number;
  /** The generation that is to take over. */
  readonly generation: number;
  /** It is ready, and observed until then; absent once it has been for long enough. */
  readonly settlesAtMs?: number;
  readonly settled: boolean;
}

/** What the rest of the world lets a service do now. */
export type Goal =
  | { readonly kind: "run" }
  /** What runs goes on, also through crashes; nothing is started afresh. */
  | { readonly kind: "wait"; readonly reason: string }
  | {
      readonly kind: "stop";
      /** Absent when it was asked for. */
      readonly reason?: string;
    };

/** What a service's decisions are made from. */
export interface ServiceContext {
  readonly nowMs: number;
  readonly effects: Effect[];
}

export function newService(spec: ServiceSpec, origin: Pick<Service, "revision" | "source" | "desired">): Service {
  return { ...origin, spec, leaving: false, dependents: [], slots: resized([], spec.instances) };
}

/** Ready for those that come after it: every slot ready, or for a task, completed. */
export function isServiceReady(service: Service): boolean {
  const wanted = wantedSlots(service);
  if (service.desired !== "up" || wanted.length === 0) return false;
  const isTask = service.spec.kind === "task";
  return wanted.every((slot) => (isTask ? slot.rest.state === "completed" && !slot.current : isReady(slot)));
}

/** The slots that are to run: neither stopped one by one nor being scaled away. */
export function wantedSlots({ spec, slots }: Service): readonly Slot[] {
  return slots.filter(({ slot, held }) => slot < spec.instances && !held);
}

/** Each of its slots was stopped, which amounts to stopping the service. */
export function isServiceHeld(service: Service): boolean {
  return service.slots.length > 0 && service.spec.instances > 0 && wantedSlots(service).length === 0;
}

/** Nothing of it is alive or about to be. */
export function isServiceAtRest({ slots }: Service): boolean {
  return slots.every(isAtRest);
}

/** It gave up: none of its slots is alive and one has failed. */
export function hasServiceFailed(service: Service): boolean {
  return isServiceAtRest(service) && service.slots.some(({ rest }) => rest.state === "failed");
}

/** Applies `change` to one slot, if it exists. */
export function withSlot(service: Service, slot: number, change: (slot: Slot) => Slot): Service {
  const index = service.slots.findIndex((one) => one.slot === slot);
  const before = service.slots[index];
  const after = before && change(before);
  return !after || after === before ? service : { ...service, slots: service.slots.with(index, after) };
}

/** Applies `change` to every slot; the same service if none changed. */
export function withSlots(service: Service, change: (slot: Slot) => Slot): Service {
  const changed = service.slots.map(change);
  return changed.every((slot, index) => slot === service.slots[index]) ? service : { ...service, slots: changed };
}

export function stepService(
  service: Service,
  { slot, generation, fact }: { slot: number; generation: number; fact: RunFact },
  context: ServiceContext,
): Service {
  return withSlot(service, slot, (one) => stepSlot(one, { generation, fact }, inSlot(service, one, context)));
}

/** The context a slot's functions want. */
export function inSlot({ spec, revision }: Service, { slot }: Pick<Slot, "slot">, context: ServiceContext): RunContext {
  return { spec, revision, slot, nowMs: context.nowMs, effects: context.effects };
}

/** The slots that may be given new connections, each with the generation that is to accept them. */
export function liveSlots(service: Service): ReadonlyMap<number, number | undefined> {
  return new Map(service.slots.filter(isReady).map(({ slot, current }) => [slot, current?.generation]));
}

/** As many slots as wanted, none taken away. */
export function resized(slots: readonly Slot[], count: number, spent = 0): readonly Slot[] {
  const missing = Array.from({ length: count }, (_, slot) => slot).filter((n) => !slots.some(({ slot }) => slot === n));
  return [...slots, ...missing.map((slot) => ({ ...newSlot(slot), generation: spent }))].sort(
    (a, b) => a.slot - b.slot,
  );
}

export function withoutDue(service: Service): Service {
  if (service.dueMs === undefined) return service;
  const { dueMs: _, ...rest } = service;
  return rest;
}
