import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { momentOf, parseSegmentFileName, type SegmentName, segmentFileName, timeOfMoment } from "./names.ts";

const time = fc.date({ min: new Date("1970-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });

test("a name says what it means and back", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 999_999 }),
      fc.constantFrom("stdout", "stderr"),
      fc.option(time),
      fc.constantFrom("log", "zst", "idx", "temporary"),
      (slot, stream, rotated, kind) => {
        const name = { slot, stream, kind, rotatedAt: rotated && momentOf(rotated.getTime()) } as SegmentName;
        const valid = rotated !== null || kind === "log" || kind === "idx";
        assert.deepEqual(parseSegmentFileName(segmentFileName(name)), valid ? name : undefined);
      },
    ),
  );
});

test("files of others are left alone", () => {
  for (const name of ["0.stdout.log.1", "notes.txt", "0.stdin.log", "x.stdout.log", "0.stdout.log.gz", ".log", ""])
    assert.equal(parseSegmentFileName(name), undefined);
});

test("moments sort by time and tell it", () => {
  fc.assert(
    fc.property(time, time, (a, b) => {
      assert.equal(timeOfMoment(momentOf(a.getTime())), a.getTime());
      assert.equal(
        Math.sign(a.getTime() - b.getTime()),
        momentOf(a.getTime()) < momentOf(b.getTime()) ? -1 : a.getTime() === b.getTime() ? 0 : 1,
      );
    }),
  );
});
