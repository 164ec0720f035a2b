import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { RunFact } from "./effects.ts";
import { type Phase, type Run, runDeadline } from "./run.ts";
import { newRun, stepRun, tickRun } from "./run-step.ts";
import { drainRun, reloadRun, stopRun } from "./run-transitions.ts";
import { contextOf, listening, specWith } from "./spec.fixture.ts";

const process = { pid: 7, startTime: "1" };
const exit = { code: 1, signal: null, status: "known" } as const;
const base = { generation: 1, revision: 1, startedAtMs: 0 };
const health = { ok: null, against: 0, asking: false };

/** A run in every phase it can be in. */
const runs: Readonly<Record<Phase["phase"], Run>> = {
  spawning: { ...base, phase: "spawning" },
  starting: { ...base, phase: "starting", process, deadlineMs: 2000 },
  up: { ...base, phase: "up", process, readyAtMs: 500, health },
  draining: { ...base, phase: "draining", process, why: "stop", readyAtMs: 500, sinceMs: 900, deadlineMs: 2000 },
  stopping: {
    ...{ ...base, phase: "stopping", process, why: "stop" },
    ...{ sinceMs: 900, signalled: false, killed: false, deadlineMs: 2000 },
  },
  clearing: { ...base, phase: "clearing", exit: { ...exit, atMs: 900 }, killed: true, deadlineMs: 2000 },
  ended: { ...base, phase: "ended", exit: { ...exit, atMs: 900 } },
};

/** Every fact, and the phase that it leads to from each phase where it changes the phase. */
const table: readonly [name: string, fact: RunFact, moves: Partial<Record<Phase["phase"], Phase["phase"]>>][] = [
  ["spawned", { type: "spawned", process }, { spawning: "starting" }],
  ["spawn_failed", { type: "spawn_failed", error: "no" }, { spawning: "ended" }],
  ["spawn_lost", { type: "spawn_lost" }, {}],
  ["became_ready", { type: "became_ready" }, { starting: "up" }],
  ["notified READY=1", { type: "notified", message: { ready: true } }, { starting: "up" }],
  ["notified STOPPING=1", { type: "notified", message: { stopping: true } }, { starting: "stopping", up: "stopping" }],
  ["notified WATCHDOG=trigger", { type: "notified", message: { watchdog: "trigger" } }, { up: "stopping" }],
  ["notified STATUS", { type: "notified", message: { status: "well" } }, {}],
  ["health_checked bad", { type: "health_checked", ok: false, detail: "" }, {}],
  [
    "exited",
    { type: "exited", exit },
    { starting: "clearing", up: "clearing", draining: "clearing", stopping: "clearing" },
  ],
  ["cleared", { type: "cleared" }, { clearing: "ended" }],
  ["signalled", { type: "signalled" }, {}],
  ["listeners_drained", { type: "listeners_drained" }, { draining: "stopping" }],
  ["adopted", { type: "adopted" }, {}],
];

/** Commands and deadlines likewise. */
const commands: readonly [
  name: string,
  act: (run: Run) => Run,
  moves: Partial<Record<Phase["phase"], Phase["phase"]>>,
][] = [
  ["stop", (run) => stopRun(run, "stop", context()), { starting: "stopping", up: "stopping", draining: "stopping" }],
  [
    "drain",
    (run) => drainRun(run, "stop", contextOf(listening)),
    { starting: "stopping", up: "draining", draining: "stopping" },
  ],
  ["reload", (run) => reloadRun(run, context()), {}],
  ["a tick before the deadline", (run) => tickRun(run, context(1999)), {}],
  ["a tick at the deadline", (run) => tickRun(run, context(2000)), { starting: "stopping", draining: "stopping" }],
];

suite("every phase of a run and every fact", () => {
  for (const [name, fact, moves] of table) {
    for (const [phase, run] of Object.entries(runs)) {
      const expected = moves[run.phase] ?? run.phase;
      test(`${phase}, ${name}: ${expected}`, () => assert.equal(stepRun(run, fact, context()).phase, expected));
    }
  }
});

suite("every phase of a run and every command and deadline", () => {
  for (const [name, act, moves] of commands) {
    for (const [phase, run] of Object.entries(runs)) {
      const expected = moves[run.phase] ?? run.phase;
      test(`${phase}, ${name}: ${expected}`, () => assert.equal(act(run).phase, expected));
    }
  }
});

test("a fact that changes nothing leaves the very same run", () => {
  for (const run of [runs.spawning, runs.ended]) assert.equal(stepRun(run, { type: "cleared" }, context()), run);
  assert.equal(stepRun(runs.clearing, { type: "exited", exit }, context()), runs.clearing);
});

test("every phase that waits has a deadline", () => {
  for (const phase of ["starting", "draining", "stopping", "clearing"] as const) {
    assert.equal(runDeadline(runs[phase]), 2000, phase);
  }
  assert.equal(runDeadline(runs.spawning), undefined);
});

test("the deadline of a run that is up is the earliest of watchdog, health and reload", () => {
  const reloading = { step: "signalled", sinceMs: 0, deadlineMs: 30 } as const;
  const up = { ...base, phase: "up", process, readyAtMs: 0 } as const;
  assert.equal(runDeadline({ ...up, health: { ...health, nextAtMs: 20 }, watchdogAtMs: 10, reloading }), 10);
  assert.equal(runDeadline({ ...up, health: { ...health, nextAtMs: 20 }, reloading }), 20);
  assert.equal(runDeadline({ ...up, health, reloading }), 30);
  assert.equal(runDeadline({ ...up, health, reloading: { step: "timed_out" } }), undefined);
});

test("a new run is an intent, recorded by the effect that carries it out", () => {
  const ctx = context();
  assert.equal(newRun(4, ctx).phase, "spawning");
  assert.deepEqual(ctx.effects, [{ do: "spawn", run: { service: "web", slot: 0, generation: 4 }, revision: 1 }]);
});

function context(nowMs = 1000) {
  return contextOf(specWith({ ready: { by: "notify", timeoutMs: 30_000 } }), nowMs);
}
