import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApplyReply, ApplyRequest, EventView, InstanceView } from "../../protocol/api.ts";
import { event, instance } from "../testing.ts";
import { concerned, type Goal, goalsOfAction, goalsOfApply, judge, type Verdict } from "./goals.ts";

interface Events {
  readonly reloads?: readonly EventView[];
  readonly unstartable?: ReadonlyMap<string, number>;
}

function verdictOf(goal: Goal, instances: readonly InstanceView[], events: Events = {}): Verdict {
  const { reloads = [], unstartable = new Map() } = events;
  return judge(goal, { instances: Map.groupBy(instances, ({ service }) => service), reloads, unstartable });
}

const running = { kind: "running", service: "api", slot: 0, generation: 2, task: false } as const;

test("a start is done when the slot is up or completed, failed when it failed, and goes on through backoff", () => {
  const cases: [InstanceView["state"], Verdict][] = [
    ["down", "pending"],
    ["starting", "pending"],
    ["up", "done"],
    // Ready, and not well.
    ["degraded", "done"],
    ["stopping", "pending"],
    ["backoff", "pending"],
    ["failed", "failed"],
    ["completed", "done"],
  ];
  for (const [state, verdict] of cases)
    assert.equal(verdictOf(running, [instance({ state, generation: 2 })]), verdict, state);
});

test("a program that cannot be run has failed while it waits for another try, and is pending in the next", () => {
  const unstartable = new Map([["api/0", 2]]);
  const verdictAt = (state: InstanceView["state"], generation: number) =>
    verdictOf(running, [instance({ state, generation })], { unstartable });
  assert.equal(verdictAt("backoff", 2), "failed");
  assert.equal(verdictAt("starting", 3), "pending");
  assert.equal(verdictAt("backoff", 3), "pending");
});

test("one that is past its restart limit has failed while it waits for another try, and is pending in the next", () => {
  const verdictAt = (state: InstanceView["state"]) =>
    verdictOf(running, [instance({ state, generation: 2, slow: true })]);
  assert.equal(verdictAt("backoff"), "failed");
  assert.equal(verdictAt("starting"), "pending");
  assert.equal(verdictAt("up"), "done");
});

test("a task is not done when it is up, but when it has completed", () => {
  const task = { ...running, task: true };
  assert.equal(verdictOf(task, [instance({ state: "up", generation: 2 })]), "pending");
  assert.equal(verdictOf(task, [instance({ state: "completed", generation: 2 })]), "done");
});

test("what an older generation is does not count: a restart is not done because the old process is still up", () => {
  assert.equal(verdictOf(running, [instance({ state: "up", generation: 1 })]), "pending");
  assert.equal(verdictOf(running, [instance({ state: "failed", generation: 1 })]), "pending");
  assert.equal(verdictOf(running, [instance({ state: "up", generation: 3 })]), "done");
});

test("a start that someone else stops has failed", () => {
  assert.equal(verdictOf(running, [instance({ state: "down", desired: "down", generation: 2 })]), "failed");
});

test("a slot that is not listed yet is pending for a start, and gone for a stop", () => {
  assert.equal(verdictOf(running, []), "pending");
  assert.equal(verdictOf({ kind: "stopped", service: "api", slot: 0 }, []), "done");
  assert.equal(verdictOf({ kind: "gone", service: "api" }, [instance({ state: "down" })]), "pending");
  assert.equal(verdictOf({ kind: "gone", service: "api" }, [instance({ service: "web" })]), "done");
});

test("a stop is done when the slot has no process", () => {
  const stopped = { kind: "stopped", service: "api", slot: 0 } as const;
  for (const state of ["starting", "up", "degraded", "stopping", "backoff"] as const) {
    assert.equal(verdictOf(stopped, [instance({ state })]), "pending", state);
  }
  for (const state of ["down", "failed", "completed"] as const) {
    assert.equal(verdictOf(stopped, [instance({ state })]), "done", state);
  }
});

test("a reload ends with its own event, not with that of an earlier one or of another service", () => {
  const goal = { kind: "reloaded", service: "api", afterSeq: 10 } as const;
  const told = (seq: number, type: string, service = "api") => event(seq, type, { service });
  const started = told(12, "reload_started");
  assert.equal(verdictOf(goal, [], { reloads: [told(9, "reload_started"), told(10, "reload_completed")] }), "pending");
  assert.equal(
    verdictOf(goal, [], { reloads: [told(11, "reload_completed"), started] }),
    "pending",
    "one was under way",
  );
  assert.equal(verdictOf(goal, [], { reloads: [started, told(13, "reload_completed", "web")] }), "pending");
  assert.equal(verdictOf(goal, [], { reloads: [started, told(13, "reload_completed")] }), "done");
  assert.equal(verdictOf(goal, [], { reloads: [started, told(13, "reload_failed")] }), "failed");
  assert.equal(verdictOf(goal, [], { reloads: [told(11, "reload_refused")] }), "failed");
});

test("an applied service is settled when all its slots are, at its new revision", () => {
  const goal = { kind: "settled", service: "api", instances: 2, revision: 5, task: false, scheduled: false } as const;
  const up = (slot: number, revision: number) => instance({ slot, revision });
  assert.equal(verdictOf(goal, [up(0, 5)]), "pending", "one slot is missing");
  assert.equal(verdictOf(goal, [up(0, 5), up(1, 4)]), "pending", "one slot is old");
  assert.equal(verdictOf(goal, [up(0, 5), up(1, 5), up(2, 5)]), "pending", "one slot is still to go");
  assert.equal(verdictOf(goal, [up(0, 5), up(1, 6)]), "done");
  assert.equal(verdictOf(goal, [up(0, 5), instance({ slot: 1, revision: 5, state: "failed" })]), "failed");
});

test("what the operator stopped stays stopped through an apply, and a scheduled task may wait for its time", () => {
  const goal = { kind: "settled", service: "api", instances: 1, revision: 5, task: false, scheduled: false } as const;
  assert.equal(verdictOf(goal, [instance({ state: "down", desired: "down", revision: 1 })]), "done");
  assert.equal(verdictOf(goal, [instance({ state: "down", revision: 5 })]), "pending");
  assert.equal(verdictOf({ ...goal, scheduled: true }, [instance({ state: "down" })]), "done");
});

test("no service needs any instance to be settled at none", () => {
  const goal = { kind: "settled", service: "api", instances: 0, revision: 0, task: false, scheduled: false } as const;
  assert.equal(verdictOf(goal, []), "done");
});

test("goals of a plan: new revisions for what starts again, events for what reloads, nothing left of what is removed", () => {
  const spec = (name: string) => ({ name, instances: 1 });
  const request = {
    services: [spec("a"), spec("b"), spec("c")],
    source: "/f",
    dryRun: false,
  } as unknown as ApplyRequest;
  const step = (service: string, action: string, effect: string) => ({ service, action, effect, changes: [] });
  const plan = [
    step("a", "keep", "none"),
    step("b", "change", "restart"),
    step("c", "change", "reload"),
    step("d", "remove", "stop"),
  ];
  const goals = goalsOfApply(request, { revision: 5, seq: 40, plan } as unknown as ApplyReply);
  assert.deepEqual(
    goals.map((goal) => [goal.service, goal.kind, "revision" in goal ? goal.revision : undefined]),
    [
      ["a", "settled", 0],
      ["b", "settled", 5],
      ["c", "reloaded", undefined],
      ["c", "settled", 0],
      ["d", "gone", undefined],
    ],
  );
});

test("only the slots that were named are shown", () => {
  const reply = { seq: 1, targets: [{ service: "api", slot: 1, generation: 1 }] };
  const tasks = new Set<string>();
  const instances = [instance({ slot: 0 }), instance({ slot: 1 }), instance({ service: "web" })];
  assert.deepEqual(concerned(goalsOfAction("stop", { reply, tasks }), instances), [instances[1]]);
  assert.deepEqual(concerned(goalsOfAction("delete", { reply, tasks }), instances), instances.slice(0, 2));
});
