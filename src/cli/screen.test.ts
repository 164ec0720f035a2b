import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "./screen.ts";

test("only lines that differ are written", () => {
  assert.equal(difference(["a", "b", "c"], ["a", "B", "c"]), "\u001b[2;1H\u001b[2KB");
  assert.equal(difference(["a"], ["a"]), "");
});

test("lines that are gone are cleared, new ones added", () => {
  assert.equal(difference(["a", "b"], ["a"]), "\u001b[2;1H\u001b[2K");
  assert.equal(difference([], ["a"]), "\u001b[1;1H\u001b[2Ka");
});
