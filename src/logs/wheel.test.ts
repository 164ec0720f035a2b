import assert from "node:assert/strict";
import { type MockTimers, test } from "node:test";
import { Wheel } from "./wheel.ts";

/** A wheel on mocked timers, and what it has called back with so far, at which time. */
function wheel(timers: MockTimers) {
  timers.enable({ apis: ["setTimeout", "Date"] });
  const due: [string, number][] = [];
  const turning = new Wheel<string>({ now: () => Date.now(), onDue: (item) => due.push([item, Date.now()]) });
  return { turning, due };
}

/** Millisecond by millisecond, so that what is called back sees its own time. */
function pass(timers: MockTimers, ms: number): void {
  for (let passed = 0; passed < ms; passed += 1) timers.tick(1);
}

test("short waits end in time, longer ones together with others", ({ mock: { timers } }) => {
  const { turning, due } = wheel(timers);
  turning.add("long", 100);
  turning.add("also long", 120);
  turning.add("short", 3);
  pass(timers, 200);
  assert.deepEqual(due, [
    ["short", 3],
    ["long", 128],
    ["also long", 128],
  ]);
});

test("who is called back may wait again", ({ mock: { timers } }) => {
  timers.enable({ apis: ["setTimeout", "Date"] });
  let turns = 0;
  const turning: Wheel<string> = new Wheel({
    now: () => Date.now(),
    onDue: (item) => {
      turns += 1;
      if (turns < 5) turning.add(item, 10);
    },
  });
  turning.add("again", 10);
  pass(timers, 1_000);
  assert.equal(turns, 5);
});

test("who was forgotten is not called back", ({ mock: { timers } }) => {
  const { turning, due } = wheel(timers);
  turning.add("gone", 50);
  turning.add("stays", 50);
  turning.delete("gone");
  pass(timers, 100);
  turning.add("late", 50);
  turning.close();
  pass(timers, 100);
  assert.deepEqual(due, [["stays", 64]]);
});
