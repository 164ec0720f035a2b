import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeIndexHeader,
  decodeIndexRecord,
  encodeIndexHeader,
  encodeIndexRecord,
  firstPast,
  INDEX_RECORD_BYTES,
  indexRecordCount,
  indexRecordPosition,
} from "./log-index.ts";

const record = fc.record({
  offset: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  timeMs: fc.nat({ max: 8.64e15 }),
  order: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  generation: fc.nat({ max: 0xffff_ffff }),
});

test("a record comes back as it was written, at any place of a buffer", () => {
  fc.assert(
    fc.property(record, fc.nat({ max: 100 }), (written, at) => {
      const bytes = new Uint8Array(at + INDEX_RECORD_BYTES);
      encodeIndexRecord(written, bytes.subarray(at));
      assert.deepEqual(decodeIndexRecord(bytes, at), { ...written });
    }),
  );
});

test("a header is known by its letters and its version", () => {
  const header = encodeIndexHeader({ startsAt: 5e12, length: 7 });
  assert.deepEqual(decodeIndexHeader(header), { startsAt: 5e12, length: 7 });
  assert.deepEqual(decodeIndexHeader(encodeIndexHeader()), { startsAt: 0, length: 0 });
  assert.equal(decodeIndexHeader(header.subarray(1)), undefined);
  assert.equal(decodeIndexHeader(header.with(0, 0)), undefined);
  assert.equal(decodeIndexHeader(header.with(8, 2)), undefined);
});

test("a torn record at the end is not counted", () => {
  assert.equal(indexRecordCount(0), 0);
  assert.equal(indexRecordCount(INDEX_RECORD_BYTES), 0);
  assert.equal(indexRecordCount(indexRecordPosition(3)), 3);
  assert.equal(indexRecordCount(indexRecordPosition(3) + 31), 3);
});

test("the search finds the same place as a walk", () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.nat(), (values, wanted) => {
      const sorted = values.sort((a, b) => a - b);
      const walked = sorted.findIndex((value) => value > wanted);
      assert.equal(
        firstPast(sorted.length, (at) => (sorted[at] ?? 0) > wanted),
        walked < 0 ? sorted.length : walked,
      );
    }),
  );
});
