/**
 * Golden dialogues with the core: `service`, `exit`, `tick` … and what is decided.
 *
 * `LARES_UPDATE_GOLDEN=1` writes what is decided now into the files; the difference is then for a person to read.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { play, scenesOf } from "./run.ts";

const directory = import.meta.dirname;

for (const file of readdirSync(directory).filter((name) => name.endsWith(".txt"))) {
  const path = join(directory, file);
  const text = readFileSync(path, "utf8");
  if (process.env.LARES_UPDATE_GOLDEN === "1") writeFileSync(path, play(text));
  suite(file.replace(/\.txt$/, ""), () => {
    for (const [title, expected] of scenesOf(readFileSync(path, "utf8"))) {
      test(title, () => assert.equal(play(expected), expected));
    }
  });
}
