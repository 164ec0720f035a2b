import { dependentsOf } from "../core/dependencies.ts";
import type { Step, World } from "../core/draft.ts";
import type { Effect, Recorded } from "../core/effects.ts";
import { isRoutine } from "../core/health.ts";
import type { Service } from "../core/service.ts";
import type { Slot } from "../core/slot.ts";
import type { ServiceSpec } from "../core/spec.ts";

/** Ends a journal to which no more could be written: what happened since is missing, unlike behind a torn line. */
export const journalHole = "\0";

/** Raised when old journals can no longer be read as they are. */
const journalVersion = 1;

/** The first line: what the rest is, and of which boot its clock and pids are. */
export interface JournalHeader {
  readonly lares: number;
  readonly version: string;
  readonly boot: string;
  /** How many supervisors have taken over from a dead one before this one. */
  readonly recoveries: number;
}

/** An event with its number and wall time. */
export type Stamped = Recorded & { readonly at: string; readonly seq: number };

/** One line: everything that one step changed. Slots and specs are written only when they changed. */
export interface JournalEntry {
  readonly services?: Readonly<Record<string, ServiceRecord | null>>;
  readonly specs?: Readonly<Record<string, ServiceSpec>>;
  /** By service, then by number; null for a slot that is gone. */
  readonly slots?: Readonly<Record<string, Readonly<Record<string, Slot | null>>>>;
  readonly ending?: boolean;
  readonly events?: readonly Stamped[];
}

type ServiceRecord = Omit<Service, "spec" | "slots" | "dependents">;

export interface Replay {
  readonly world: World;
  readonly events: readonly Stamped[];
  readonly header: JournalHeader;
  /** Whole lines that could not be read, and a hole at the end: something is missing. */
  readonly unreadable: number;
}

/** What a step changed, as against the world before it. */
export function entryOf(
  before: World,
  step: Pick<Step, "changes" | "ending">,
  events: readonly Stamped[],
): JournalEntry {
  const services: Record<string, ServiceRecord | null> = {};
  const specs: Record<string, ServiceSpec> = {};
  const slots: Record<string, Record<string, Slot | null>> = {};
  for (const [name, after] of step.changes) {
    const old = before.services.get(name);
    if (!after) {
      services[name] = null;
      continue;
    }
    if (!old || !sameRecord(old, after)) services[name] = recordOf(after);
    if (old?.spec !== after.spec) specs[name] = after.spec;
    const changed = changedSlots(old?.slots ?? [], after.slots);
    if (Object.keys(changed).length > 0) slots[name] = changed;
  }
  return {
    ...(Object.keys(services).length > 0 && { services }),
    ...(Object.keys(specs).length > 0 && { specs }),
    ...(Object.keys(slots).length > 0 && { slots }),
    ...(step.ending !== before.ending && { ending: step.ending }),
    ...(events.length > 0 && { events }),
  };
}

/** The whole world as one entry. */
export function snapshotOf(world: World): JournalEntry {
  const empty: World = { services: new Map(), ending: false };
  return entryOf(empty, { changes: world.services, ending: world.ending }, []);
}

export function headerLine(header: Omit<JournalHeader, "lares">): string {
  return `${JSON.stringify({ lares: journalVersion, ...header })}\n`;
}

/**
 * Reads a journal back.
 *
 * @returns undefined when it is empty or no journal of a version that can be read. A torn last line is left out: it was
 *   being written when the supervisor died, so nothing had been done about it yet.
 */
export function replay(text: string): Replay | undefined {
  const end = text.lastIndexOf("\n") + 1;
  const [first, ...lines] = text.slice(0, end).split("\n");
  const header = parse<JournalHeader>(first ?? "");
  if (header?.lares !== journalVersion || typeof header.boot !== "string") return undefined;
  const services = new Map<string, Service>();
  const events: Stamped[] = [];
  let ending = false;
  let unreadable = text.slice(end) === journalHole ? 1 : 0;
  for (const line of lines) {
    if (line === "") continue;
    const entry = parse<JournalEntry>(line);
    if (!entry) {
      unreadable += 1;
      continue;
    }
    replayEntry(services, entry);
    events.push(...(entry.events ?? []));
    ending = entry.ending ?? ending;
  }
  const dependents = dependentsOf(services);
  for (const [name, service] of services) services.set(name, { ...service, dependents: dependents.get(name) ?? [] });
  return { world: { services, ending }, events, header, unreadable };
}

function replayEntry(services: Map<string, Service>, entry: JournalEntry): void {
  for (const [name, record] of Object.entries(entry.services ?? {})) {
    const spec = entry.specs?.[name] ?? services.get(name)?.spec;
    if (record === null) services.delete(name);
    else if (spec) services.set(name, { ...record, spec, dependents: [], slots: services.get(name)?.slots ?? [] });
  }
  for (const [name, spec] of Object.entries(entry.specs ?? {})) {
    const service = services.get(name);
    if (service) services.set(name, { ...service, spec });
  }
  for (const [name, changed] of Object.entries(entry.slots ?? {})) {
    const service = services.get(name);
    if (service) services.set(name, { ...service, slots: mergedSlots(service.slots, changed) });
  }
}

function mergedSlots(slots: readonly Slot[], changed: Readonly<Record<string, Slot | null>>): readonly Slot[] {
  const kept = slots.filter(({ slot }) => !(slot in changed));
  const fresh = Object.values(changed).filter((slot) => slot !== null);
  return [...kept, ...fresh].sort((a, b) => a.slot - b.slot);
}

function changedSlots(before: readonly Slot[], after: readonly Slot[]): Record<string, Slot | null> {
  if (before === after) return {};
  const old = new Map(before.map((slot) => [slot.slot, slot]));
  const changed: Record<string, Slot | null> = {};
  for (const slot of after) {
    const known = old.get(slot.slot);
    if (known !== slot && !(known && isRoutineCheck(known, slot))) changed[slot.slot] = slot;
    old.delete(slot.slot);
  }
  for (const slot of old.keys()) changed[slot] = null;
  return changed;
}

/** Of a thousand services somebody is always being asked how it is: writing that down would cost more than asking. */
function isRoutineCheck(before: Slot, after: Slot): boolean {
  const [old, now] = [before.current, after.current];
  if (old?.phase !== "up" || now?.phase !== "up" || !isRoutine(old.health, now.health)) return false;
  return sameButFor(before, after, "current") && sameButFor(old, now, "health");
}

function sameButFor<T extends object>(one: T, other: T, but?: keyof T): boolean {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)] as (keyof T)[]);
  return [...keys].every((key) => key === but || one[key] === other[key]);
}

function recordOf({ spec: _, slots: __, dependents: ___, ...record }: Service): ServiceRecord {
  return record;
}

function sameRecord(a: Service, b: Service): boolean {
  return sameButFor(recordOf(a), recordOf(b));
}

/** The events among effects, in order. */
export function recordedIn(effects: readonly Effect[]): readonly Recorded[] {
  return effects.flatMap((effect) => (effect.do === "record" ? [effect.event] : []));
}

function parse<T>(line: string): T | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
