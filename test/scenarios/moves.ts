import fc from "fast-check";
import type { ServiceChange, Target } from "../../src/core/commands.ts";
import type { Notification, RunFact } from "../../src/core/effects.ts";
import { diffSpecs, effectOf } from "../../src/core/plan.ts";
import type { ServiceSpec } from "../../src/core/spec.ts";
import type { WorldEvent } from "../../src/core/world.ts";
import type { Driver } from "./driver.ts";
import { specOf } from "./specs.ts";

/** One thing that happens: a kind, and numbers that choose the details. */
export type Move = readonly [kind: Kind, a: number, b: number];

const kinds = [
  ...["answer", "answer", "answer", "answer", "answer", "answer"],
  ...["answerBadly", "crash", "crash", "repeat", "notify", "pass", "pass", "passLate"],
  ...["start", "stop", "restart", "reload", "reset", "delete", "signal"],
  ...["apply", "apply", "scale", "supervisor", "end"],
] as const;
type Kind = (typeof kinds)[number];

export const moves = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(1000), fc.nat(1000)), {
  minLength: 5,
  maxLength: 30,
});

const names = ["db", "web", "edge"] as const;

/** Definitions to begin with and to change to; short times, so that much happens. */
export const definitions: Readonly<Record<(typeof names)[number], readonly ServiceSpec[]>> = {
  db: [
    specOf("db", "{ ready: { notify: true, timeout: 3s }, restart: { delay: 50ms, intensity: 3, period: 10s } }"),
    specOf("db", "{ command: two, reload: { style: signal }, ready: notify, health: { watchdog: 2s } }"),
    specOf("db", "{ kind: task, restart: { policy: on-failure, intensity: 2, period: 5s } }"),
    specOf("db", "{ restart: { policy: never }, stop: { grace: 1s } }"),
  ],
  web: [
    specOf("web", "{ requires: [db], instances: 2, listen: { http: 80 }, reload: { settle: 500ms } }"),
    specOf(
      "web",
      '{ after: [db], instances: 3, listen: { http: 80 }, command: two, health: { http: "http://[::1]/" } }',
    ),
    specOf("web", "{ command: two, reload: { style: restart, parallel: 2 }, restart: { then: slow, intensity: 1 } }"),
    specOf("web", "{ requires: [db], instances: 2, listen: { http: 80 }, ready: { delay: 1s }, command: three }"),
  ],
  edge: [
    specOf("edge", "{ requires: [web], restart: { policy: on-failure, stable_after: 1s }, ready: { log: up } }"),
    specOf("edge", '{ kind: task, after: [web], schedule: { cron: "* * * * *", overlap: true } }'),
    specOf("edge", '{ kind: task, requires: [web], schedule: "* * * * *", restart: { policy: on-failure } }'),
    specOf("edge", "{ after: [db, web], instances: 0 }"),
  ],
};

export function play(driver: Driver, [kind, a, b]: Move): void {
  switch (kind) {
    case "answer":
      driver.answer(a % Math.max(1, driver.pending.length));
      return;
    case "answerBadly":
      driver.answer(a % Math.max(1, driver.pending.length), worst);
      return;
    case "crash":
      crash(driver, a, b);
      return;
    case "repeat":
      repeat(driver, a);
      return;
    case "notify":
      notify(driver, a, b);
      return;
    case "pass":
    case "passLate":
      driver.pass(a < 500 ? a : (a - 500) * 40, kind === "passLate");
      return;
    case "supervisor":
      driver.replaceSupervisor();
      return;
    case "apply":
      applyOne(driver, a, b);
      return;
    case "scale":
      scale(driver, a, b % 4);
      return;
    case "end":
      // Rarely: nothing much happens after it.
      if (a % 10 === 0) driver.dispatch({ type: "command", command: "end" });
      return;
    case "signal":
      driver.dispatch({ type: "command", command: kind, targets: targets(driver, a), signal: "SIGUSR1" });
      return;
    default:
      driver.dispatch({ type: "command", command: kind as "start", targets: targets(driver, a) });
  }
}

function worst(usual: WorldEvent): WorldEvent {
  if (usual.type !== "fact") return usual;
  const { run, fact } = usual;
  if (fact.type === "spawned") return { ...usual, run, fact: { type: "spawn_failed", error: "no such file" } };
  if (fact.type === "health_checked") return { ...usual, run, fact: { ...fact, ok: false } };
  return usual;
}

function crash(driver: Driver, a: number, b: number): void {
  const alive = driver.alive();
  const run = alive[a % Math.max(1, alive.length)];
  const exits = [
    { code: 1, signal: null, status: "known" },
    { code: 0, signal: null, status: "known" },
    { code: null, signal: "SIGSEGV", status: "known" },
    { code: null, signal: null, status: "unknown" },
  ] as const;
  if (run) driver.fact(run, { type: "exited", exit: exits[b % exits.length] ?? exits[0] });
}

/** A fact comes twice, or one that was true of a run comes when the run is long gone. */
function repeat(driver: Driver, a: number): void {
  const event = driver.told[a % Math.max(1, driver.told.length)];
  if (event?.type !== "fact") return;
  const isOfThePast = event.fact.type !== "cleared" && event.fact.type !== "spawned" && event.fact.type !== "exited";
  if (isOfThePast) driver.dispatch(event);
}

function notify(driver: Driver, a: number, b: number): void {
  const alive = driver.alive();
  const run = alive[a % Math.max(1, alive.length)];
  const messages: readonly Notification[] = [
    { ready: true },
    { ready: true, status: "well" },
    { stopping: true },
    { watchdog: "ping" },
    { watchdog: "trigger" },
    { watchdogMs: 500 },
    { extendTimeoutMs: 4000 },
    { reloading: true, monotonicMs: driver.nowMs },
    { reloading: true, ready: true, monotonicMs: driver.nowMs },
    { mainProcess: driver.process() },
  ];
  const fact: RunFact = { type: "notified", message: messages[b % messages.length] ?? {} };
  if (run) driver.fact(run, fact);
}

function applyOne(driver: Driver, a: number, b: number): void {
  const name = names[a % names.length] ?? "db";
  if (b % 9 === 0) {
    send(driver, { kind: "remove", service: name });
    return;
  }
  const spec = definitions[name][b % definitions[name].length];
  if (spec) set(driver, spec);
}

export function set(driver: Driver, spec: ServiceSpec): void {
  const known = driver.world.services.get(spec.name);
  const before = known && !known.leaving ? known.spec : undefined;
  if (!before) send(driver, { kind: "set", spec, source: "file", effect: "none" });
  else if (JSON.stringify(before) !== JSON.stringify(spec)) {
    send(driver, { kind: "set", spec, source: "file", effect: effectOf(diffSpecs(before, spec), spec) });
  }
}

function scale(driver: Driver, a: number, instances: number): void {
  const known = driver.world.services.get(names[a % names.length] ?? "db");
  if (known) send(driver, { kind: "set", spec: { ...known.spec, instances }, source: "file", effect: "scale" });
}

function send(driver: Driver, change: ServiceChange): void {
  const revisions = [...driver.world.services.values()].map(({ revision }) => revision);
  const revision = 1 + Math.max(0, ...revisions);
  driver.dispatch({ type: "command", command: "apply", revision, changes: [change] });
}

function targets({ world }: Driver, a: number): readonly Target[] {
  const service = names[a % names.length] ?? "db";
  const slots = world.services.get(service)?.slots ?? [];
  const slot = slots[Math.floor(a / 3) % (slots.length + 1)]?.slot;
  if (!world.services.has(service)) return [];
  return [slot === undefined ? { service } : { service, slot }];
}
