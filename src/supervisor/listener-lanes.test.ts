import assert from "node:assert/strict";
import { test } from "node:test";
import { baseOf, chooseLane, freeLane, laneKey, laneOf } from "./listener-lanes.ts";

const base = "listen:web/0/http@127.0.0.1:80";
const lane = (number: number) => ({
  ...{ service: "web", owner: 0, bound: "", access: "" },
  key: laneKey(base, number),
});
const none: ReadonlySet<string> = new Set();
const only = (...numbers: number[]) => new Set(numbers.map((number) => laneKey(base, number)));

test("the key of a lane tells its number and its listener, also where the address has a plus", () => {
  for (const one of [base, "listen:a.b-c/shared/x@unix:/tmp/a+1/b"]) {
    assert.equal(laneKey(one, 0), one);
    assert.deepEqual([baseOf(laneKey(one, 12)), laneOf(laneKey(one, 12))], [one, 12]);
    assert.deepEqual([baseOf(one), laneOf(one)], [one, 0]);
  }
});

test("a lane gets the lowest number that is free", () => {
  assert.equal(freeLane([]), 0);
  assert.equal(freeLane([lane(0), lane(1), lane(3)]), 2);
});

test("a successor never joins its predecessor", () => {
  assert.equal(chooseLane([lane(0)], { shunned: only(0), used: only(0), live: only(0) }), undefined);
});

test("a restart takes up the socket in which connections wait", () => {
  assert.deepEqual(chooseLane([lane(0)], { shunned: none, used: none, live: none }), lane(0));
});

test("where a listener is shared, a later successor joins those that have already proven themselves", () => {
  const lanes = [lane(0), lane(1), lane(2)];
  assert.deepEqual(chooseLane(lanes, { shunned: only(0), used: only(0, 1), live: only(0, 1) }), lane(1));
  assert.deepEqual(chooseLane(lanes, { shunned: only(0), used: only(0, 2), live: only(0) }), lane(2));
});
