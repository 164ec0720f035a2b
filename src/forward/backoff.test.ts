import assert from "node:assert/strict";
import { test } from "node:test";
import { waitAfter } from "./backoff.ts";

test("waits double up to half a minute, and vary by a fifth", () => {
  const middle = () => 0.5;
  assert.deepEqual(
    [1, 2, 3, 8, 9, 1e9].map((failures) => waitAfter(failures, middle)),
    [200, 400, 800, 25_600, 30_000, 30_000],
  );
  assert.deepEqual([waitAfter(1, () => 0), Math.round(waitAfter(1, () => 0.999999))], [160, 240]);
});
