import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { dependentsOf, goalOf, mayBeginStop, outlookOf } from "./dependencies.ts";
import { newService, type Service } from "./service.ts";
import { newSlot, type Slot } from "./slot.ts";
import { specWith } from "./spec.fixture.ts";
import type { ServiceSpec } from "./spec.ts";

const up: Partial<Slot> = {
  current: {
    ...{ generation: 1, revision: 1, startedAtMs: 0, phase: "up" },
    ...{ process: { pid: 7, startTime: "1" }, health: { ok: null, against: 0, asking: false } },
  },
};
const failed: Partial<Slot> = { rest: { state: "failed" } };
const completed: Partial<Slot> = { rest: { state: "completed" } };
const backoff: Partial<Slot> = { rest: { state: "backoff", untilMs: 1 } };

suite("what a service may do beside another", () => {
  const rows: readonly [what: string, db: Service | undefined, after: string, requires: string][] = [
    ["is ready", service("db", [up]), "run", "run"],
    ["starts", service("db", [{}]), "wait: waiting for db", "wait: waiting for db"],
    ["waits to be restarted", service("db", [backoff]), "wait: waiting for db", "wait: waiting for db"],
    ["has failed", service("db", [failed]), "run", "stop: db, which it requires, has failed"],
    ["has failed in one of two slots", service("db", [up, failed]), "run", "run"],
    ["starts in one of two slots", service("db", [up, {}]), "wait: waiting for db", "wait: waiting for db"],
    ["has ended for good", service("db", [completed]), "run", "run"],
    ["was stopped", service("db", [{}], { desired: "down" }), "run", "stop: db, which it requires, is stopped"],
    ["was stopped slot by slot", service("db", [{ held: true }]), "run", "stop: db, which it requires, is stopped"],
    ["is being removed", service("db", [up], { leaving: true }), "run", "stop: db, which it requires, was removed"],
    ["is not there", undefined, "run", "stop: db, which it requires, was removed"],
    ["is scaled to nothing", service("db", []), "run", "run"],
    ["is a task that runs", service("db", [up], {}, { kind: "task" }), "wait: waiting for db", "wait: waiting for db"],
    ["is a task that has completed", service("db", [completed], {}, { kind: "task" }), "run", "run"],
    [
      "is a scheduled task",
      service("db", [{}], {}, { kind: "task", schedule: { cron: "", overlap: false } }),
      "run",
      "run",
    ],
  ];
  for (const [what, db, after, requires] of rows) {
    test(`the other ${what}: after it ${after}, requiring it ${requires}`, () => {
      assert.equal(goalText(service("web", [{}], {}, { after: ["db"] }), db), after);
      assert.equal(goalText(service("web", [{}], {}, { after: ["db"], requires: ["db"] }), db), requires);
    });
  }

  test("what is stopped, removed, or to end with all has one goal", () => {
    const stop = { kind: "stop" };
    assert.deepEqual(goalOf(service("web", [up], { desired: "down" }), around([])), stop);
    assert.deepEqual(goalOf(service("web", [up], { leaving: true }), around([])), stop);
    assert.deepEqual(goalOf(service("web", [up]), { ...around([]), ending: true }), stop);
  });

  test("being held back is passed on along the chain", () => {
    const db = service("db", [failed]);
    const web = service("web", [{}], {}, { requires: ["db"], after: ["db"] });
    const edge = service("edge", [{}], {}, { requires: ["web"], after: ["web"] });
    const goal = goalOf(edge, around([db, web, edge]));
    assert.deepEqual(goal, { kind: "stop", reason: "web, which it requires, is held back" });
  });
});

test("a stop waits for those that come after and are stopping too", () => {
  const db = service("db", [up], { desired: "down", dependents: ["web"] });
  const web = (state: Partial<Slot>, changes: Partial<Service> = {}) =>
    around([db, service("web", [state], changes, { after: ["db"] })]);
  assert.equal(mayBeginStop(db, web(up, { desired: "down" })), false);
  assert.equal(mayBeginStop(db, web({}, { desired: "down" })), true);
  assert.equal(mayBeginStop(db, web(up)), true, "one that goes on is not waited for");
});

test("dependents are those that have a service in `after`", () => {
  const specs = [
    service("db", []),
    service("web", [], {}, { after: ["db"] }),
    service("edge", [], {}, { after: ["db"] }),
  ];
  const found = dependentsOf(new Map(specs.map((one) => [one.spec.name, one])));
  assert.deepEqual([...found], [["db", ["web", "edge"]]]);
});

test("the outlook changes with what others depend on, and with nothing else", () => {
  const before = outlookOf(service("db", [up]));
  const said = { ...up, current: { ...up.current, statusText: "well" } } as Partial<Slot>;
  assert.equal(outlookOf(service("db", [said])), before);
  for (const other of [
    service("db", [{}]),
    service("db", [failed]),
    service("db", [up], { desired: "down" }),
    undefined,
  ]) {
    assert.notEqual(outlookOf(other), before);
  }
});

function service(
  name: string,
  slots: readonly Partial<Slot>[],
  changes: Partial<Service> = {},
  spec: Partial<ServiceSpec> = {},
): Service {
  const origin = { revision: 1, source: null, desired: "up" } as const;
  const made = newService(specWith({ name, instances: slots.length, ...spec }), origin);
  return { ...made, slots: slots.map((slot, number) => ({ ...newSlot(number), ...slot })), ...changes };
}

function around(services: readonly Service[]) {
  const byName = new Map(services.map((one) => [one.spec.name, one]));
  return { ending: false, get: (name: string) => byName.get(name) };
}

function goalText(web: Service, db: Service | undefined): string {
  const goal = goalOf(web, around(db ? [db, web] : [web]));
  return "reason" in goal && goal.reason !== undefined ? `${goal.kind}: ${goal.reason}` : goal.kind;
}
