import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Health } from "./health.ts";
import { beginInSlot, judgeSlot, takingOver } from "./rollout-slot.ts";
import type { Run, Up } from "./run.ts";
import type { ActiveSlot } from "./service.ts";
import { newSlot, type Slot } from "./slot.ts";
import { contextOf, specWith } from "./spec.fixture.ts";

const process = { pid: 7, startTime: "1" };
const health: Health = { ok: null, against: 0, asking: false };
const exit = { code: 1, signal: null, status: "known", atMs: 900 } as const;
const base = (generation: number) => ({ generation, revision: 1, startedAtMs: 0 });
const running = (generation: number, changes: Partial<Up> = {}): Run & Up => ({
  ...{ ...base(generation), phase: "up", process, readyAtMs: 0, health },
  ...changes,
});
const active: ActiveSlot = { slot: 0, generation: 2, settled: false };
const checked = specWith({
  health: {
    probe: { by: "tcp", address: "" },
    ...{ initialDelayMs: 0, intervalMs: 1, timeoutMs: 1, failures: 1, successes: 1, then: "report" },
  },
});

suite("what is to take over in a slot is judged by how far it has come", () => {
  const current = running(1);
  const stopping = { phase: "stopping", process, sinceMs: 0, signalled: true, killed: false, deadlineMs: 9 } as const;
  const rows: readonly [what: string, slot: Slot, expected: string][] = [
    ["spawning", slotWith({ current, successor: { ...base(2), phase: "spawning" } }), "pending"],
    [
      "starting",
      slotWith({ current, successor: { ...base(2), phase: "starting", process, deadlineMs: 9 } }),
      "pending",
    ],
    ["up", slotWith({ current, successor: running(2) }), "pending"],
    ["up in place of the one before", slotWith({ current: running(2) }), "pending"],
    ["not begun yet, for the one before still ends", slotWith({ current, generation: 1 }), "pending"],
    [
      "not ready in time",
      slotWith({ current, successor: { ...base(2), ...stopping, why: "not_ready" } }),
      "slot 0: it was not ready in time",
    ],
    [
      "unhealthy",
      slotWith({ current, successor: { ...base(2), ...stopping, why: "unhealthy" } }),
      "slot 0: it became unhealthy",
    ],
    [
      "ended",
      slotWith({ current, successor: { ...base(2), phase: "clearing", exit, killed: true, deadlineMs: 9 } }),
      "slot 0: exited with code 1 before it was ready",
    ],
    [
      "never started",
      slotWith({ current, successor: { ...base(2), phase: "ended", exit: null, error: "no such file" } }),
      "slot 0: no such file",
    ],
    ["gone", slotWith({}), "slot 0: it did not last"],
  ];
  for (const [what, slot, expected] of rows) {
    test(`${what}: ${expected}`, () => assert.equal(judged(slot), expected));
  }
});

suite("a successor that is up", () => {
  const slot = slotWith({ current: running(1), successor: running(2) });

  test("has to stay so until it has settled", () => {
    const first = judgeSlot({ slot, active, style: "rolling" }, contextOf(specWith(), 1000));
    assert.deepEqual(first, { kind: "pending", active: { ...active, settlesAtMs: 2000 } });
    const observed = { ...active, settlesAtMs: 2000 };
    const before = judgeSlot({ slot, active: observed, style: "rolling" }, contextOf(specWith(), 1999));
    assert.deepEqual(before, { kind: "pending", active: observed });
    assert.equal(judgeSlot({ slot, active: observed, style: "rolling" }, contextOf(specWith(), 2000)).kind, "done");
  });

  test("with a health check has also to answer one", () => {
    const settled = { ...active, settled: true };
    const judge = (ok: boolean | null) => {
      const successor = running(2, { health: { ...health, ok } });
      return judgeSlot({ slot: slotWith({ successor }), active: settled, style: "rolling" }, contextOf(checked)).kind;
    };
    assert.deepEqual([judge(null), judge(true), judge(false)], ["pending", "done", "failed"]);
  });

  test("is judged by its answer where it was signalled", () => {
    const judge = (reloading: Up["reloading"]) => {
      const current = running(2, reloading && { reloading });
      return judgeSlot({ slot: slotWith({ current }), active, style: "signal" }, contextOf()).kind;
    };
    const waits = { sinceMs: 0, deadlineMs: 9 };
    assert.equal(judge(undefined), "done");
    assert.equal(judge({ step: "signalled", ...waits }), "pending");
    assert.equal(judge({ step: "under_way", ...waits }), "pending");
    assert.equal(judge({ step: "timed_out" }), "failed");
  });
});

suite("beginning in a slot", () => {
  const rolling = { style: "rolling", isNew: false } as const;

  test("rolling: a successor beside what runs", () => {
    const begun = beginInSlot(slotWith({ current: running(1), generation: 1 }), rolling, contextOf());
    assert.deepEqual([begun.current?.generation, begun.successor?.generation, takingOver(begun)], [1, 2, 2]);
  });

  test("a restart where the style says so, or where what runs is on its way out", () => {
    const restarted = beginInSlot(
      slotWith({ current: running(1), generation: 1 }),
      { style: "restart", isNew: false },
      contextOf(),
    );
    assert.deepEqual([restarted.again, restarted.successor, takingOver(restarted)], [true, undefined, 2]);
    const clearing: Run = { ...base(1), phase: "clearing", exit, killed: true, deadlineMs: 9 };
    assert.equal(beginInSlot(slotWith({ current: clearing, generation: 1 }), rolling, contextOf()).again, true);
  });

  test("a start where nothing runs", () => {
    const begun = beginInSlot(slotWith({ rest: { state: "failed" } }), rolling, contextOf());
    assert.deepEqual([begun.current?.phase, takingOver(begun)], ["spawning", 3]);
  });

  test("nothing where what runs is new already", () => {
    const slot = slotWith({ current: running(2) });
    assert.equal(beginInSlot(slot, { style: "rolling", isNew: true }, contextOf()), slot);
  });
});

function slotWith(changes: Partial<Slot>): Slot {
  return { ...newSlot(0), wanted: true, generation: 2, ...changes };
}

function judged(slot: Slot): string {
  const verdict = judgeSlot({ slot, active, style: "rolling" }, contextOf());
  return verdict.kind === "failed" ? verdict.cause : verdict.kind;
}
