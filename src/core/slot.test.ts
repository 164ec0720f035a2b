import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Phase, Run, StopReason } from "./run.ts";
import { isAtRest, isReady, isSlow, newSlot, type Rest, type Slot, type SlotState, stateOf } from "./slot.ts";
import { abortHandoff, beginHandoff, completeHandoff } from "./slot-handoff.ts";
import { drainSlot, resetSlot, restartSlot, startSlot, stepSlot, tickSlot, wantSlot } from "./slot-step.ts";
import { contextOf, listening, specWith } from "./spec.fixture.ts";
import type { ServiceSpec } from "./spec.ts";

const process = { pid: 7, startTime: "1" };
const base = { generation: 1, revision: 1, startedAtMs: 0 };
const health = { ok: null, against: 0, asking: false };
const exit = { code: 1, signal: null, status: "known", atMs: 900 } as const;

const stopping = (why: StopReason): Run => ({
  ...{ ...base, phase: "stopping", process, why },
  ...{ sinceMs: 900, signalled: false, killed: false, deadlineMs: 6000 },
});

/** A slot in every situation, told by what it shows. */
const slots = {
  down: slotWith({ wanted: false }),
  backoff: slotWith({ rest: { state: "backoff", untilMs: 2000 } }),
  failed: slotWith({ rest: { state: "failed" } }),
  completed: slotWith({ rest: { state: "completed" } }),
  spawning: slotWith({ current: { ...base, phase: "spawning" } }),
  starting: slotWith({ current: { ...base, phase: "starting", process, deadlineMs: 9000 } }),
  up: slotWith({ current: { ...base, phase: "up", process, readyAtMs: 0, health } }),
  degraded: slotWith({ current: { ...base, phase: "up", process, readyAtMs: 0, health: { ...health, ok: false } } }),
  draining: slotWith({
    wanted: false,
    current: { ...base, phase: "draining", process, why: "stop", sinceMs: 900, deadlineMs: 6000 },
  }),
  stopped: slotWith({ wanted: false, current: stopping("stop") }),
  unready: slotWith({ current: stopping("not_ready") }),
  crashed: slotWith({ current: { ...base, phase: "clearing", exit, killed: true, deadlineMs: 6000 } }),
} as const satisfies Readonly<Record<string, Slot>>;
type Situation = keyof typeof slots;

/** What a slot then is: the phase of its current run, or where it rests; `+` where it starts again after that. */
const table: readonly [command: string, act: (slot: Slot) => Slot, outcomes: Readonly<Record<Situation, string>>][] = [
  [
    "wanted",
    (slot) => wantSlot(slot, true, contextOf()),
    {
      ...{ down: "spawning", backoff: "backoff", failed: "failed", completed: "completed" },
      ...{ spawning: "spawning", starting: "starting", up: "up", degraded: "up" },
      ...{ draining: "draining+", stopped: "stopping+", unready: "stopping", crashed: "clearing" },
    },
  ],
  [
    "not wanted",
    (slot) => wantSlot(slot, false, contextOf()),
    {
      ...{ down: "down", backoff: "down", failed: "failed", completed: "completed" },
      ...{ spawning: "spawning", starting: "stopping", up: "stopping", degraded: "stopping" },
      ...{ draining: "stopping", stopped: "stopping", unready: "stopping", crashed: "clearing" },
    },
  ],
  [
    "started by an operator",
    (slot) => startSlot(slot, contextOf()),
    {
      ...{ down: "spawning", backoff: "spawning", failed: "spawning", completed: "spawning" },
      ...{ spawning: "spawning", starting: "starting", up: "up", degraded: "up" },
      ...{ draining: "draining+", stopped: "stopping+", unready: "stopping", crashed: "clearing" },
    },
  ],
  [
    "restarted by an operator",
    (slot) => restartSlot(slot, contextOf()),
    {
      ...{ down: "spawning", backoff: "spawning", failed: "spawning", completed: "spawning" },
      ...{ spawning: "spawning+", starting: "stopping+", up: "stopping+", degraded: "stopping+" },
      ...{ draining: "stopping+", stopped: "stopping+", unready: "stopping+", crashed: "clearing+" },
    },
  ],
  [
    "drained",
    (slot) => drainSlot(slot, contextOf(listening)),
    {
      ...{ down: "down", backoff: "down", failed: "failed", completed: "completed" },
      ...{ spawning: "spawning", starting: "stopping", up: "draining", degraded: "draining" },
      ...{ draining: "draining", stopped: "stopping", unready: "stopping", crashed: "clearing" },
    },
  ],
  [
    "reset",
    (slot) => resetSlot(slot),
    {
      ...{ down: "down", backoff: "backoff", failed: "down", completed: "completed" },
      ...{ spawning: "spawning", starting: "starting", up: "up", degraded: "up" },
      ...{ draining: "draining", stopped: "stopping", unready: "stopping", crashed: "clearing" },
    },
  ],
];

suite("every situation of a slot and every command", () => {
  for (const [command, act, outcomes] of table) {
    for (const [situation, expected] of Object.entries(outcomes)) {
      test(`${situation}, ${command}: ${expected}`, () => {
        const after = act(slots[situation as Situation]);
        assert.equal(`${after.current?.phase ?? after.rest.state}${after.again ? "+" : ""}`, expected);
      });
    }
  }
});

suite("what a slot shows", () => {
  const shown: Readonly<Record<Situation, SlotState>> = {
    ...{ down: "down", backoff: "backoff", failed: "failed", completed: "completed" },
    ...{ spawning: "starting", starting: "starting", up: "up", degraded: "degraded" },
    ...{ draining: "stopping", stopped: "stopping", unready: "stopping", crashed: "stopping" },
  };
  for (const [situation, expected] of Object.entries(shown)) {
    test(`${situation} is ${expected}`, () => assert.equal(stateOf(slots[situation as Situation]), expected));
  }

  test("only what is up is ready, and only what has no process and waits for none is at rest", () => {
    const those = (test: (slot: Slot) => boolean) => Object.keys(slots).filter((key) => test(slots[key as Situation]));
    assert.deepEqual(those(isReady), ["up", "degraded"]);
    assert.deepEqual(those(isAtRest), ["down", "failed", "completed"]);
  });

  test("a predecessor that is still ending keeps the slot from being down", () => {
    assert.equal(stateOf({ ...slots.down, retiring: [stopping("replaced")] }), "stopping");
  });
});

/** For every policy, where a slot goes when its run ends in each way. */
const endings: readonly [
  policy: ServiceSpec["restart"]["policy"],
  outcomes: Readonly<Record<string, Rest["state"]>>,
][] = [
  ["always", { "code 0": "backoff", "code 1": "backoff", SIGKILL: "backoff", unknown: "backoff", stop: "down" }],
  ["on-failure", { "code 0": "completed", "code 1": "backoff", SIGKILL: "backoff", unknown: "backoff", stop: "down" }],
  ["never", { "code 0": "completed", "code 1": "failed", SIGKILL: "failed", unknown: "failed", stop: "down" }],
];

suite("every restart policy and every end", () => {
  for (const [policy, outcomes] of endings) {
    for (const [end, expected] of Object.entries(outcomes)) {
      test(`${policy}, ${end}: ${expected}`, () => assert.equal(ended(policy, end).rest.state, expected));
    }
    for (const why of ["not_ready", "unhealthy", "watchdog"] as const) {
      test(`${policy}, ${why}: a failure, whatever the code`, () => {
        const after = cleared({ why, exit: { ...exit, code: 0 } }, policy);
        assert.equal(after.rest.state, policy === "never" ? "failed" : "backoff");
        assert.equal(after.failure?.generation, 1);
      });
    }
  }
});

suite("handoff", () => {
  test("the successor takes over, and the predecessor is told to stop", () => {
    const begun = beginHandoff(slots.up, contextOf());
    assert.deepEqual([begun.current?.generation, begun.successor?.generation, begun.generation], [1, 2, 2]);
    const done = completeHandoff(begun, contextOf());
    assert.deepEqual([done.current?.generation, done.successor, done.retiring[0]?.phase], [2, undefined, "stopping"]);
  });

  test("given up, the current run goes on and the successor is told to stop", () => {
    const after = abortHandoff(beginHandoff(slots.up, contextOf()), contextOf());
    assert.deepEqual([after.current, after.successor, after.retiring.length], [slots.up.current, undefined, 1]);
  });

  test("where the current run dies, the successor is all there is", () => {
    const begun = beginHandoff(slots.crashed, contextOf());
    const after = stepSlot(begun, { generation: 1, fact: { type: "cleared" } }, contextOf());
    assert.deepEqual([after.current?.generation, after.successor, after.failure?.generation], [2, undefined, 1]);
  });

  test("a second one is not begun beside the first", () => {
    const begun = beginHandoff(slots.up, contextOf());
    assert.equal(beginHandoff(begun, contextOf()), begun);
  });
});

test("a backoff ends at its moment, and the restart is counted", () => {
  assert.equal(tickSlot(slots.backoff, contextOf(specWith(), 1999)), slots.backoff);
  const after = tickSlot(slots.backoff, contextOf(specWith(), 2000));
  assert.deepEqual([after.current?.phase, after.restarts, after.history.times], ["spawning", 1, [2000]]);
});

function slotWith(changes: Partial<Slot>): Slot {
  return { ...newSlot(0), generation: 1, wanted: true, ...changes };
}

function ended(policy: ServiceSpec["restart"]["policy"], end: string): Slot {
  if (end === "stop") return cleared({ why: "stop", exit }, policy);
  if (end === "unknown") return cleared({ exit: { ...exit, code: null, status: "unknown" } }, policy);
  const code = /^code (\d+)$/.exec(end)?.[1];
  return cleared({ exit: { ...exit, code: code ? Number(code) : null, signal: code ? null : end } }, policy);
}

type Clearing = Extract<Phase, { phase: "clearing" }>;

function cleared(end: Pick<Clearing, "exit" | "why">, policy: ServiceSpec["restart"]["policy"]): Slot {
  const current: Run = { ...base, phase: "clearing", killed: true, deadlineMs: 6000, ...end };
  const spec = specWith({ restart: { ...specWith().restart, policy } });
  return stepSlot(slotWith({ current }), { generation: 1, fact: { type: "cleared" } }, contextOf(spec));
}

test("past its restart limit a slot is slow until what runs has lasted, or someone starts it by hand", () => {
  const history = { times: [], failures: 3, slow: true };
  const isSlowAt = (slot: Slot, nowMs: number) => isSlow(slot, { stableAfterMs: 500, nowMs });
  for (const situation of ["backoff", "starting", "up", "crashed"] as const) {
    assert.equal(isSlowAt(slots[situation], 499), false, `${situation}, within its limit`);
    assert.equal(isSlowAt({ ...slots[situation], history }, 499), true, situation);
  }
  assert.equal(isSlowAt({ ...slots.up, history }, 500), false);
  assert.equal(isSlowAt({ ...slots.starting, history }, 500), true);
  assert.equal(isSlowAt(startSlot({ ...slots.backoff, history }, contextOf()), 499), false);
});
