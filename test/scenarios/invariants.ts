import assert from "node:assert/strict";
import { goalOf } from "../../src/core/dependencies.ts";
import type { World } from "../../src/core/draft.ts";
import type { Effect } from "../../src/core/effects.ts";
import { type Run, runDeadline } from "../../src/core/run.ts";
import { isServiceAtRest, type Service, wantedSlots } from "../../src/core/service.ts";
import { findRun, isReady, runsOf, type Slot } from "../../src/core/slot.ts";
import type { Driver } from "./driver.ts";
import { runKey } from "./run-key.ts";

/** What must be true of every effect at the moment when it is decided. */
export function checkEffect(driver: Driver, effect: Effect): void {
  const { world, known } = driver;
  if (effect.do === "finish") {
    assert.ok([...world.services.values()].every(isServiceAtRest), "it finishes before everything is at rest");
    return;
  }
  if (effect.do === "close_listeners") {
    const slot = world.services.get(effect.service)?.slots.find((one) => one.slot === effect.slot);
    assert.ok(!slot || runsOf(slot).length === 0, `listeners of ${effect.service}/${effect.slot} are closed in use`);
    return;
  }
  if (!("run" in effect)) return;
  const key = runKey(effect.run);
  const state = known.get(key)?.state;
  switch (effect.do) {
    case "spawn":
      assert.ok(state === undefined, `${key} is spawned although it is ${state}`);
      assert.ok(isPresent(world, effect.run), `${key} is spawned for no slot`);
      return;
    case "signal":
      assert.equal(state, "alive", `${effect.signal} to ${key}, which is ${state}`);
      checkStopSignal(driver, key, effect.signal);
      return;
    case "clear":
      assert.equal(state, "exited", `${key} is cleared although it is ${state}`);
      return;
    case "release":
      assert.notEqual(state, "alive", `${key} is released alive`);
      return;
    case "await_ready":
    case "check_health":
    case "drain_listeners":
      assert.equal(state, "alive", `${effect.do} of ${key}, which is ${state}`);
      assert.ok(isPresent(world, effect.run), `${effect.do} of ${key}, which is of no slot`);
      return;
    default:
  }
}

/** What must be true of every service after every step. */
export function checkChange(driver: Driver, before: World, name: string): void {
  const service = driver.world.services.get(name);
  const old = before.services.get(name);
  for (const { run, state } of driver.known.values()) {
    if (run.service !== name || state === "gone" || isPresent(driver.world, run)) continue;
    assert.fail(`${runKey(run)} is ${state} and belongs to no slot`);
  }
  if (!service) return;
  for (const slot of service.slots) {
    const oldSlot = old?.slots.find((one) => one.slot === slot.slot);
    checkSlot(service, slot, oldSlot);
    checkLimit(driver, { service, slot, oldSlot });
  }
  if (service.rollout) assert.ok(Number.isFinite(service.rollout.deadlineMs), `${name}: a rollout without a deadline`);
}

/** What must be true once everything was answered and nothing is due. */
export function checkSettled({ world }: Driver): void {
  for (const [name, service] of world.services) {
    if (goalOf(service, around(world)).kind !== "run") continue;
    if (service.spec.schedule) continue;
    for (const slot of wantedSlots(service)) {
      const isIdle = !slot.current && slot.rest.state === "down";
      assert.ok(!isIdle, `${name}/${slot.slot} is to run, may run, and does nothing`);
    }
  }
}

/** What the journal relies on: a service is the same after it was written and read. */
export function checkRoundTrip({ world }: Driver): void {
  for (const service of world.services.values()) {
    assert.deepEqual(JSON.parse(JSON.stringify(service)), service);
  }
}

function around({ services, ending }: World) {
  return { ending, get: (name: string) => services.get(name) };
}

function isPresent(world: World, run: { service: string; slot: number; generation: number }): boolean {
  const slot = world.services.get(run.service)?.slots.find((one) => one.slot === run.slot);
  return slot !== undefined && findRun(slot, run.generation) !== undefined;
}

function checkSlot({ spec, rollout }: Service, slot: Slot, old: Slot | undefined): void {
  const wrong = wrongOf(slot, { old, rollout, isTask: spec.kind === "task" });
  assert.equal(wrong, undefined, `${spec.name}/${slot.slot}: ${wrong}`);
}

function wrongOf(
  slot: Slot,
  { old, rollout, isTask }: { old: Slot | undefined; rollout: Service["rollout"]; isTask: boolean },
): string | undefined {
  const all = runsOf(slot);
  const { rest, current, successor, again, wanted } = slot;
  if (slot.generation < (old?.generation ?? 0)) return "the generation shrinks";
  if (new Set(all.map(({ generation }) => generation)).size < all.length) return "a generation twice";
  if (all.some(({ generation }) => generation > slot.generation)) return "a run of the future";
  if (all.some(({ phase }) => phase === "ended")) return "a run that has ended is kept";
  const waiting = all.find(waitsForEver);
  if (waiting) return `#${waiting.generation} waits (${waiting.phase}) without a deadline`;
  if (successor && !(rollout && current)) return "a successor outside a handoff";
  if (!isTask && slot.retiring.some((run) => !isBeingStopped(run))) return "two live runs outside a handoff";
  if (again && !(current && wanted)) return "to be started again, after nothing";
  if (rest.state === "backoff" && !Number.isFinite(rest.untilMs)) return "a backoff without end";
  return isReady(slot) && rest.state !== "down" ? `up and ${rest.state}` : undefined;
}

function waitsForEver(run: Run): boolean {
  const waits = run.phase !== "spawning" && run.phase !== "up" && run.phase !== "ended";
  const asks = run.phase === "up" && (run.health.asking || (run.reloading && run.reloading.step !== "timed_out"));
  return (waits || asks === true) && runDeadline(run) === undefined;
}

function isBeingStopped(run: Run): boolean {
  if (run.phase === "spawning") return run.stop !== undefined;
  return run.phase === "draining" || run.phase === "stopping" || run.phase === "clearing";
}

function checkStopSignal({ known }: Driver, key: string, signal: string): void {
  const entry = known.get(key);
  if (!entry || signal !== "SIGTERM") return;
  entry.stopSignals += 1;
  assert.ok(!entry.signalled, `a second SIGTERM to ${key}`);
}

/** However it came about, more automatic restarts than allowed never fall into one period. */
function checkLimit(
  { restarts, nowMs }: Driver,
  { service, slot, oldSlot }: { service: Service; slot: Slot; oldSlot: Slot | undefined },
): void {
  const key = `${service.spec.name}/${slot.slot}`;
  const count = slot.restarts - (oldSlot?.restarts ?? 0);
  if (count < 0 || !oldSlot) restarts.delete(key);
  if (count <= 0) return;
  const { periodMs, intensity } = service.spec.restart;
  const times = [...(restarts.get(key) ?? []), ...Array.from({ length: count }, () => nowMs)];
  const recent = times.filter((time) => time > nowMs - periodMs);
  restarts.set(key, recent);
  assert.ok(recent.length <= intensity, `${key}: ${recent.length} restarts within ${periodMs} ms`);
}
