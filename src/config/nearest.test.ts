import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearest } from "./nearest.ts";

describe("nearest", () => {
  const keys = ["memory", "memory_soft", "cpu", "pids", "files", "core"];
  const table: readonly (readonly [string, string | undefined])[] = [
    ["memroy", "memory"],
    ["Memory", "memory"],
    ["memory-soft", "memory_soft"],
    ["cpus", "cpu"],
    ["pid", "pids"],
    ["fiels", "files"],
    ["nofile", undefined],
    ["x", undefined],
    ["colour", undefined],
  ];
  for (const [word, expected] of table) {
    it(`finds ${expected ?? "nothing"} for ${word}`, () => assert.equal(nearest(word, keys), expected));
  }
});
