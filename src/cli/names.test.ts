import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, parseTarget, requireOperands } from "./names.ts";

test("a target is a service or one of its slots", () => {
  assert.deepEqual(parseTarget("api"), { service: "api", slot: undefined });
  assert.deepEqual(parseTarget("api/12"), { service: "api", slot: 12 });
  for (const text of ["api/", "/0", "api/x", "api/-1", "/"]) assert.throws(() => parseTarget(text), /neither/, text);
});

test("no target and `all` mean everything", () => {
  const item = { service: "api", slot: 1 };
  assert.ok(matches([], item));
  assert.ok(matches([parseTarget("all")], item));
  assert.ok(matches([parseTarget("web"), parseTarget("api/1")], item));
  assert.ok(!matches([parseTarget("api/0")], item));
  assert.ok(!matches([parseTarget("api")], {}));
});

test("a command line with too few or too many words is refused", () => {
  assert.throws(() => requireOperands([], { command: "stop", what: "service" }), /Cannot stop: no service is named/);
  assert.throws(() => requireOperands(["a", "b"], { command: "x", what: "y", most: 1 }), /"b" is one word too many/);
});
