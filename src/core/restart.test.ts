import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { backoffMs, decideRestart, freshHistory, type RestartHistory, spreadOf, withRestart } from "./restart.ts";
import { specWith } from "./spec.fixture.ts";
import type { RestartSpec } from "./spec.ts";

const policy = specWith().restart;

suite("the delay before a restart", () => {
  const rows = [100, 200, 400, 800, 1000, 1000];
  for (const [failures, expected] of rows.entries()) {
    test(`after ${failures} failures in a row it is ${expected} ms`, () =>
      assert.equal(backoffMs(policy, { failures, spread: 0.5 }), expected));
  }

  test("jitter spreads it by its share either way", () => {
    const spread = { ...policy, jitter: 0.2 };
    assert.equal(backoffMs(spread, { failures: 0, spread: 0 }), 80);
    assert.equal(backoffMs(spread, { failures: 0, spread: 0.5 }), 100);
    assert.equal(backoffMs(spread, { failures: 0, spread: 1 }), 120);
  });

  test("a thousand failures are not too many for arithmetic", () => {
    assert.equal(backoffMs(policy, { failures: 1000, spread: 0.5 }), 1000);
    assert.equal(backoffMs({ ...policy, factor: 10 }, { failures: 1000, spread: 0.5 }), 1000);
    assert.equal(backoffMs({ ...policy, factor: 10, delayMs: 0 }, { failures: 1000, spread: 0.5 }), 0);
  });
});

suite("whether to restart", () => {
  test("a stable run is restarted at once, and ends the row of failures", () => {
    const decision = decide({ history: { ...freshHistory, failures: 4 }, stable: true });
    assert.deepEqual(decision, { kind: "restart", delayMs: 0, history: { times: [], failures: 0, slow: false } });
  });

  test("each failure makes the next delay longer", () => {
    const decision = decide({ history: { ...freshHistory, failures: 2 } });
    assert.deepEqual(decision, { kind: "restart", delayMs: 400, history: { times: [], failures: 3, slow: false } });
  });

  test("as many restarts within the period as the intensity reach the limit, and one less do not", () => {
    assert.equal(decide({ history: { ...freshHistory, times: [1, 2, 3] }, nowMs: 60_000 }).kind, "limit");
    assert.equal(decide({ history: { ...freshHistory, times: [2, 3] }, nowMs: 60_000 }).kind, "restart");
  });

  test("a restart a whole period ago is out of the window", () => {
    assert.equal(decide({ history: { ...freshHistory, times: [1, 2, 3] }, nowMs: 60_001 }).kind, "restart");
  });

  test("also the end of a stable run counts against the limit", () => {
    assert.equal(decide({ history: { ...freshHistory, times: [1, 2, 3] }, stable: true, nowMs: 60_000 }).kind, "limit");
  });

  test("`then: slow` goes on once a period until a run was stable", () => {
    const slow: RestartSpec = { ...policy, then: "slow" };
    const limited = decide({ policy: slow, history: { ...freshHistory, times: [1, 2, 3] }, nowMs: 10 });
    assert.ok(limited.kind === "limit" && limited.history.slow);
    const next = decide({ policy: slow, history: limited.history, nowMs: 70_000 });
    assert.ok(next.kind === "restart" && next.delayMs === policy.periodMs && next.history.slow);
    const stable = decide({ policy: slow, history: next.history, nowMs: 200_000, stable: true });
    assert.ok(stable.kind === "restart" && stable.delayMs === 0 && !stable.history.slow);
  });
});

test("a restart is remembered for a period", () => {
  const history = withRestart({ ...freshHistory, times: [1, 20_000] }, { policy, nowMs: 60_001 });
  assert.deepEqual(history.times, [20_000, 60_001]);
});

test("the spread is the same for the same words, within 0 and 1, and differs between slots", () => {
  const spreads = Array.from({ length: 100 }, (_, slot) => spreadOf("web", slot, 1));
  assert.equal(spreadOf("web", 3, 1), spreads[3]);
  assert.ok(spreads.every((spread) => spread >= 0 && spread <= 1));
  assert.ok(new Set(spreads).size > 95);
});

function decide(question: { policy?: RestartSpec; history?: RestartHistory; stable?: boolean; nowMs?: number }) {
  return decideRestart({ policy, history: freshHistory, stable: false, nowMs: 0, spread: 0.5, ...question });
}
