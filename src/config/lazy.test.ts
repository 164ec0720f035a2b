import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

/** Prints the packages that importing some modules brings in. */
const watcher = `
import { registerHooks } from "node:module";
const packages = new Set();
registerHooks({
  resolve(specifier, context, next) {
    if (!/^(?:\\.|node:|file:)/.test(specifier)) packages.add(specifier);
    return next(specifier, context);
  },
});
for (const url of process.argv.slice(1)) await import(url);
console.log([...packages].join(" "));
`;

describe("the files of src/config", () => {
  it("load no library until a configuration is read", () => {
    const modules = [
      "load",
      "find",
      "adhoc",
      "render-diagnostic",
      "json-schema",
      "reference",
      "parse-duration",
      "parse-size",
    ];
    const urls = modules.map((name) => new URL(`./${name}.ts`, import.meta.url).href);
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", watcher, ...urls], {
      encoding: "utf8",
    });
    assert.equal(output.trim(), "");
  });

  it("would be caught if they did", () => {
    const url = new URL("./schema.ts", import.meta.url).href;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", watcher, url], {
      encoding: "utf8",
    });
    assert.equal(output.trim(), "zod");
  });
});
