import assert from "node:assert/strict";
import { test } from "node:test";
import { renderPlan } from "./plan.ts";
import { fakeTerminal } from "./testing.ts";

test("a plan shows what is added, changed from old to new, and removed", () => {
  const plan = [
    { service: "api", action: "add", effect: "start", instances: 1, changes: [] },
    {
      service: "db",
      action: "change",
      effect: "restart",
      instances: 1,
      changes: [
        { key: "command", from: ["a"], to: ["a", "-v"] },
        { key: "nice", from: null, to: 5 },
      ],
    },
    { service: "old", action: "remove", effect: "stop", instances: 1, changes: [] },
    { service: "web", action: "keep", effect: "none", instances: 1, changes: [] },
  ] as const;
  assert.deepEqual(renderPlan(plan, fakeTerminal()), [
    "+ api (start)",
    "~ db (restart)",
    '    command: ["a"] → ["a","-v"]',
    "    nice: (not set) → 5",
    "- old (stop)",
    "  1 service unchanged",
  ]);
});

test("a plan that changes nothing says so", () => {
  const plan = [{ service: "web", action: "keep", effect: "none", instances: 1, changes: [] }] as const;
  assert.deepEqual(renderPlan(plan, fakeTerminal()), ["nothing to change (1 service)"]);
});
