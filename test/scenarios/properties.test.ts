import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isServiceAtRest } from "../../src/core/service.ts";
import { Driver } from "./driver.ts";
import { checkRoundTrip, checkSettled } from "./invariants.ts";
import { definitions, type Move, moves, play, set } from "./moves.ts";

const runs = Number(process.env.LARES_PROPERTY_RUNS ?? 20_000);

test("whatever happens, every decision keeps the promises, and a stop of everything ends", () => {
  fc.assert(
    fc.property(fc.nat(63), moves, (choice, sequence) => playAll(choice, sequence)),
    { numRuns: runs, ...(process.env.LARES_SEED && { seed: Number(process.env.LARES_SEED) }) },
  );
});

function playAll(choice: number, sequence: readonly Move[]): void {
  const driver = new Driver();
  Object.values(definitions).forEach((specs, index) => {
    const spec = specs[(choice >> (2 * index)) % specs.length];
    if (spec) set(driver, spec);
  });
  for (const move of sequence) play(driver, move);
  checkRoundTrip(driver);
  answerAll(driver);
  checkSettled(driver);
  driver.dispatch({ type: "command", command: "end" });
  for (let rounds = 0; !isAtRest(driver); rounds++) {
    assert.ok(
      rounds < 200,
      `not at rest: ${JSON.stringify([...driver.world.services.values()].map(({ slots }) => slots))}`,
    );
    answerAll(driver);
    const due = driver.nextDue();
    if (due && !isAtRest(driver)) driver.pass(Math.max(0, due.atMs - driver.nowMs), false);
  }
}

function answerAll(driver: Driver): void {
  for (let count = 0; driver.pending.length > 0; count++) {
    assert.ok(count < 5000, "answers lead to new questions without end");
    driver.answer(0);
  }
}

function isAtRest({ world }: Driver): boolean {
  return [...world.services.values()].every(isServiceAtRest);
}
