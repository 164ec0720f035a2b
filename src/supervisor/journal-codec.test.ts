import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../core/draft.ts";
import type { Health } from "../core/health.ts";
import type { Service } from "../core/service.ts";
import { newSlot, type Slot } from "../core/slot.ts";
import { specWith } from "../core/spec.fixture.ts";
import { entryOf } from "./journal-codec.ts";

const process = { pid: 7, startTime: 1, boot: "b" } as never;
const well: Health = { ok: true, against: 0, asking: false, nextAtMs: 1000 };
const spec = specWith();

function slotWith(health: Health, more: Partial<Slot> = {}): Slot {
  const current = { generation: 1, revision: 1, startedAtMs: 0, phase: "up", process, health } as const;
  return { ...newSlot(0), current, ...more };
}

function worldOf(slot: Slot): World {
  const service: Service = {
    ...{ spec, revision: 1, source: null, desired: "up", leaving: false, dependents: [] },
    slots: [slot],
  };
  return { services: new Map([["web", service]]), ending: false };
}

const base = slotWith(well);
const { current } = base;

function written(to: Health, more: Partial<Slot> = {}): boolean {
  const after = {
    ...base,
    ...(current && { current: { ...current, health: to } as Slot["current"] }),
    ...more,
  } as Slot;
  const [before, next] = [worldOf(base), worldOf(after)];
  const services = before.services.get("web");
  const changed = next.services.get("web");
  if (!services || !changed) throw new Error("there is one service");
  const entry = entryOf(
    before,
    { changes: new Map([["web", { ...services, slots: changed.slots }]]), ending: false },
    [],
  );
  return entry.slots !== undefined;
}

test("that a service is being asked how it is is not written down", () => {
  assert.equal(written({ ...well, asking: true, nextAtMs: 3000 }), false);
});

test("an answer that counts is, and so is all else that changed meanwhile", () => {
  assert.equal(written({ ...well, ok: false, asking: true }), true);
  assert.equal(written({ ...well, against: 1, asking: true }), true);
  assert.equal(written({ ...well, asking: true }, { held: true }), true);
  assert.equal(written({ ...well, nextAtMs: 9000 }), true);
});
