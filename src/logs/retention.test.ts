import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { momentOf } from "./names.ts";
import { expiredSegments, type KeptSegment } from "./retention.ts";

const HOUR = 3_600_000;
const now = 100 * HOUR;
const boundless = { keep: Infinity, maxAgeMs: Infinity, totalBytes: Infinity };

function closed(hoursAgo: number, of: Partial<KeptSegment> = {}): KeptSegment {
  return { slot: 0, stream: "stdout", rotatedAt: momentOf(now - hoursAgo * HOUR), sizeBytes: 10, ...of };
}
const live: KeptSegment = { slot: 0, stream: "stdout", rotatedAt: null, sizeBytes: 1_000 };

function ages(expired: Set<KeptSegment>): number[] {
  return [...expired]
    .map(({ rotatedAt }) => [1, 2, 3, 4].find((hours) => closed(hours).rotatedAt === rotatedAt) ?? 0)
    .sort();
}

test("each stream keeps its newest segments", () => {
  const other = [closed(1), closed(2), closed(3)].map((segment) => ({ ...segment, stream: "stderr" as const }));
  const expired = expiredSegments([closed(1), closed(2), closed(3), ...other, live], { ...boundless, keep: 2 }, now);
  assert.deepEqual(ages(expired), [3, 3]);
});

test("segments closed too long ago go", () => {
  const expired = expiredSegments([closed(1), closed(2), closed(3), live], { ...boundless, maxAgeMs: 2.5 * HOUR }, now);
  assert.deepEqual(ages(expired), [3]);
});

test("the oldest of all streams go until the total fits", () => {
  const segments = [closed(1), closed(2, { slot: 1 }), closed(3), closed(4, { stream: "stderr" }), live];
  assert.deepEqual(ages(expiredSegments(segments, { ...boundless, totalBytes: 1_020 }, now)), [3, 4]);
});

test("what is being written stays, and no more goes than has to", () => {
  const segment = fc.record<KeptSegment>({
    slot: fc.nat({ max: 2 }),
    stream: fc.constantFrom("stdout", "stderr"),
    rotatedAt: fc.option(fc.nat({ max: now }).map(momentOf)),
    sizeBytes: fc.nat({ max: 100 }),
  });
  const limits = fc.record({
    keep: fc.nat({ max: 5 }),
    maxAgeMs: fc.nat({ max: now }),
    totalBytes: fc.nat({ max: 500 }),
  });
  fc.assert(
    fc.property(fc.array(segment), limits, (segments, bounds) => {
      const expired = expiredSegments(segments, bounds, now);
      const left = segments.filter((one) => !expired.has(one));
      const size = left.reduce((sum, one) => sum + one.sizeBytes, 0);
      assert.ok([...expired].every((one) => one.rotatedAt !== null));
      assert.ok(size <= bounds.totalBytes || left.every((one) => one.rotatedAt === null));
      assert.equal(expiredSegments(left, bounds, now).size, 0);
    }),
  );
});
