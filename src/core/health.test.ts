import assert from "node:assert/strict";
import { test } from "node:test";
import { askingHealth, type Health, healthAfter, healthDeadline, isRoutine, unknownHealth } from "./health.ts";
import type { HealthSpec } from "./spec.ts";

const spec: HealthSpec = {
  probe: { by: "tcp", address: "127.0.0.1:1" },
  ...{ initialDelayMs: 300, intervalMs: 1000, timeoutMs: 200, failures: 3, successes: 2, then: "restart" },
};

test("without a check nothing is known and nothing is asked", () => {
  assert.deepEqual(unknownHealth(undefined, 5), { ok: null, against: 0, asking: false });
  assert.equal(healthDeadline(unknownHealth(undefined, 5)), undefined);
});

test("the first check comes after the initial delay, the next an interval after an answer", () => {
  const first = unknownHealth(spec, 1000);
  assert.equal(healthDeadline(first), 1300);
  assert.equal(healthDeadline(healthAfter(first, { ok: true, spec, nowMs: 1350 })), 2350);
});

test("while it asks, the deadline is for the answer", () => {
  const asking = askingHealth(unknownHealth(spec, 0), { spec, nowMs: 300 });
  assert.ok(asking.asking && (healthDeadline(asking) ?? 0) > 300 + spec.timeoutMs);
});

test("the first good answer is believed at once", () => assert.equal(after([true]).ok, true));

test("it turns bad only after as many failures in a row as are asked for", () => {
  assert.equal(after([true, false, false]).ok, true);
  assert.equal(after([true, false, false, false]).ok, false);
  assert.equal(after([true, false, false, true, false, false]).ok, true);
});

test("failures from the very first answer on count as well", () => {
  assert.equal(after([false, false]).ok, null);
  assert.equal(after([false, false, false]).ok, false);
});

test("it turns good again only after as many successes in a row as are asked for", () => {
  assert.equal(after([false, false, false, true]).ok, false);
  assert.equal(after([false, false, false, true, false, true]).ok, false);
  assert.equal(after([false, false, false, true, true]).ok, true);
});

function after(answers: readonly boolean[]): Health {
  return answers.reduce((health, ok) => healthAfter(health, { ok, spec, nowMs: 0 }), unknownHealth(spec, 0));
}

test("asking and an answer like the last are routine; an answer that counts is not", () => {
  const well = after([true]);
  const asking = askingHealth(well, { spec, nowMs: 2000 });
  assert.ok(isRoutine(well, asking));
  assert.ok(isRoutine(asking, healthAfter(asking, { ok: true, spec, nowMs: 2010 })));
  assert.ok(!isRoutine(asking, healthAfter(asking, { ok: false, spec, nowMs: 2010 })));
  const first = askingHealth(unknownHealth(spec, 0), { spec, nowMs: 300 });
  assert.ok(!isRoutine(first, healthAfter(first, { ok: true, spec, nowMs: 310 })));
  assert.ok(!isRoutine(well, { ...well, nextAtMs: 5000 }), "when it was put off, that has to be known");
});
