import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadConfiguration } from "./load.ts";
import { renderDiagnostics } from "./render-diagnostic.ts";

/*
 * Each case of the golden file is a configuration and what is said about it. With LARES_UPDATE_GOLDEN=1 what is said now is
 * written there, to be read before it is committed.
 */
const golden = new URL("../../test/fixtures/config/diagnostics.txt", import.meta.url);
const directory = realpathSync(mkdtempSync(join(tmpdir(), "lares-diagnostics-")));
const rewritten: string[] = [];

describe("diagnostics", () => {
  after(() => {
    rmSync(directory, { recursive: true });
    if (process.env.LARES_UPDATE_GOLDEN) writeFileSync(golden, rewritten.join("\n"));
  });
  for (const { name, text, says } of casesOf(readFileSync(golden, "utf8"))) {
    it(`say what is wrong with ${name}`, async () => {
      const file = join(directory, name);
      writeFileSync(file, text);
      const result = await loadConfiguration(file, { env: { EMPTY: "", PATH: process.env.PATH }, cores: 2 });
      assert.ok(!result.ok, "it should be refused");
      const actual = renderDiagnostics(result.diagnostics, { relativeTo: directory }).replaceAll(directory, "DIR");
      rewritten.push(`=== ${name}\n${text}\n--- says\n${actual}\n`);
      if (!process.env.LARES_UPDATE_GOLDEN) assert.equal(actual, says);
    });
  }
});

function casesOf(source: string): { name: string; text: string; says: string }[] {
  return source
    .split(/^=== /m)
    .slice(1)
    .map((block) => {
      const [, name = "", text = "", says = ""] = /^(.*)\n([\s\S]*?)\n--- says\n([\s\S]*)$/.exec(block) ?? [];
      return { name, text, says: says.trimEnd() };
    });
}
