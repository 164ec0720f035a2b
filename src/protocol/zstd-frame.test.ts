import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { zstdFrameEnd } from "./zstd-frame.ts";

const reader = (bytes: Uint8Array) => (at: number, length: number) => bytes.subarray(at, at + length);

test("a frame ends where it was made to end, whatever it holds and its header says, and whatever follows", () => {
  const plain = fc.oneof(
    fc.uint8Array({ maxLength: 2_000 }),
    // Larger than a block, and such that blocks are raw, repeated and compressed.
    fc.tuple(fc.constantFrom("", "a", "ab", "line of a log\n"), fc.nat({ max: 400_000 })).map(([text, length]) => {
      return text === "" ? crypto.getRandomValues(new Uint8Array(length % 65_536)) : Buffer.alloc(length, text);
    }),
  );
  fc.assert(
    fc.property(plain, fc.boolean(), fc.boolean(), fc.uint8Array(), (content, hasChecksum, hasSize, around) => {
      const frame = zstdCompressSync(content, {
        params: { [constants.ZSTD_c_checksumFlag]: Number(hasChecksum) },
        ...(hasSize ? { pledgedSrcSize: content.length } : {}),
      });
      const file = Buffer.concat([around, frame, around]);
      assert.equal(zstdFrameEnd(reader(file), around.length), around.length + frame.length);
    }),
    { numRuns: 60 },
  );
});

test("a skippable frame is passed", () => {
  assert.equal(zstdFrameEnd(reader(Buffer.from("502a4d1803000000616263", "hex")), 0), 11);
});

test("where no frame begins, or one is cut within its headers, there is no end", () => {
  const frame = zstdCompressSync("something");
  assert.equal(zstdFrameEnd(reader(frame), 1), undefined);
  assert.equal(zstdFrameEnd(reader(frame.subarray(0, 8)), 0), undefined);
  assert.equal(zstdFrameEnd(reader(new Uint8Array(0)), 0), undefined);
});
