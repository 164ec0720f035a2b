import assert from "node:assert/strict";
import { test } from "node:test";
import { nextRestMs, Pace } from "./pace.ts";

const MIB = 1024 * 1024;

/** Where the rest settles for a program that writes at a constant rate. */
function settled(bytesPerMs: number, pipeBytes: number): { restMs: number; fill: number } {
  let restMs = 0;
  let bytes = 0;
  for (let turn = 0; turn < 50; turn += 1) {
    // A turn takes a tenth of a millisecond itself.
    bytes = Math.min(pipeBytes, bytesPerMs * (restMs + 0.1));
    restMs = nextRestMs(restMs, { bytes, pipeBytes, lateMs: 50 });
  }
  return { restMs, fill: (bytesPerMs * restMs) / pipeBytes };
}

test("a program that writes line by line is emptied at the longest rest", () => {
  assert.equal(settled(100, 64 * 1024).restMs, 50);
});

test("no pipe gets full while its stream is left alone", () => {
  for (const megabytesPerSecond of [1, 3, 10, 30, 100, 300]) {
    const { fill } = settled(megabytesPerSecond * 1_000, MIB);
    assert.ok(fill <= 0.5, `${megabytesPerSecond} MB/s fill ${fill} of the pipe`);
  }
});

test("a flood is not left alone", () => {
  assert.equal(settled(1_000_000, MIB).restMs, 0);
});

test("many small portions make everyone wait longer, and few undo it", () => {
  const pace = new Pace(0);
  const second = (from: number, portions: number) => {
    for (let at = 1; at <= portions; at += 1) pace.count(100, from + (at * 1_000) / portions);
  };
  second(0, 10_000);
  assert.ok(pace.busyMs > 250);
  second(1_000, 9_000);
  assert.deepEqual([pace.busyMs, pace.lateMs], [500, 500]);
  second(2_000, 700);
  assert.equal(pace.lateMs, 500);
  second(3_000, 10);
  second(4_000, 10);
  assert.deepEqual([pace.busyMs, pace.lateMs], [50, 250]);
});
