import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatInstanceTag, parseInstanceTag } from "./instance-tag.ts";

test("a tag is written as service, slot, generation and home", () => {
  assert.equal(formatInstanceTag({ service: "api", slot: 0, generation: 3, home: "9f2c11ab" }), "api/0#3@9f2c11ab");
});

for (const text of [
  "",
  "api",
  "api/0",
  "api/0#3",
  "/0#3@9f2c",
  "api/0#3@",
  "api/0#3@9F2C",
  "api/0#3@9f",
  "api/-1#3@9f2c",
]) {
  test(`${JSON.stringify(text)} is no tag`, () => {
    assert.equal(parseInstanceTag(text), undefined);
  });
}

test("numbers that would not come back as they were are no part of a tag", () => {
  assert.equal(parseInstanceTag("api/00#3@9f2c"), undefined);
  assert.equal(parseInstanceTag("api/0#90071992547409931@9f2c"), undefined);
});

test("a tag is read back as it was, whatever the service is called", () => {
  const tag = fc.record(
    {
      service: fc.string({ minLength: 1, unit: "grapheme" }).filter((name) => !name.includes("\0")),
      slot: fc.nat(),
      generation: fc.maxSafeNat(),
      home: fc.stringMatching(/^[0-9a-f]{4,64}$/),
    },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(tag, (value) => assert.deepEqual(parseInstanceTag(formatInstanceTag(value)), value)));
});

test("reading never throws, and what it accepts is written back unchanged", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const tag = parseInstanceTag(text);
      if (tag !== undefined) assert.equal(formatInstanceTag(tag), text);
    }),
  );
});
