import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeSeekTable, encodeSeekTable, SEEK_FOOTER_BYTES, seekTableBytes } from "./zstd-seekable.ts";

const size = fc.nat({ max: 0xffff_ffff });

test("a table comes back as it was written, and its end tells how long it is", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ bytes: size, plainBytes: size })), (frames) => {
      const table = encodeSeekTable(frames);
      assert.equal(seekTableBytes(table.subarray(-SEEK_FOOTER_BYTES)), table.length);
      assert.deepEqual(
        decodeSeekTable(table),
        frames.map((frame) => ({ ...frame })),
      );
    }),
  );
});

test("a table with checksums, as others write it, tells the same", () => {
  const bytes = Buffer.from("5e2a4d181500000005000000070000009999999901000000" + "80" + "b1ea928f", "hex");
  assert.equal(seekTableBytes(bytes.subarray(-SEEK_FOOTER_BYTES)), bytes.length);
  assert.deepEqual(decodeSeekTable(bytes), [{ bytes: 5, plainBytes: 7 }]);
});

test("what is no table, or one of another version, is told by its end or by its beginning", () => {
  const table = encodeSeekTable([{ bytes: 5, plainBytes: 7 }]);
  assert.equal(seekTableBytes(table.subarray(-8)), undefined);
  assert.equal(seekTableBytes(table.with(table.length - 1, 0).subarray(-SEEK_FOOTER_BYTES)), undefined);
  assert.equal(seekTableBytes(table.with(table.length - 5, 4).subarray(-SEEK_FOOTER_BYTES)), undefined);
  assert.equal(decodeSeekTable(table.subarray(1)), undefined);
  assert.equal(decodeSeekTable(table.with(0, 0)), undefined);
  assert.equal(decodeSeekTable(table.with(4, 0)), undefined);
  assert.equal(decodeSeekTable(new Uint8Array(0)), undefined);
});
