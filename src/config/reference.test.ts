import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { defaults } from "./defaults.ts";
import { type JsonSchema, jsonSchema, knownKeys } from "./json-schema.ts";
import { configurationReference } from "./reference.ts";

describe("the schema", () => {
  it("is what docs/configuration.md says; if not, run `node scripts/config-reference.ts`", async () => {
    const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
    assert.equal(page, await configurationReference());
  });

  it("describes every key, so that editors can", async () => {
    const bare: string[] = [];
    const visit = (schema: JsonSchema, path: string): void => {
      for (const [key, child] of Object.entries(schema.properties ?? {})) {
        if (!child.description) bare.push(`${path}.${key}`);
        visit(child, `${path}.${key}`);
      }
      for (const alternative of schema.anyOf ?? []) visit(alternative, path);
      if (typeof schema.additionalProperties === "object") visit(schema.additionalProperties, `${path}.*`);
    };
    visit(await jsonSchema(), "");
    assert.deepEqual(bare, []);
  });

  it("knows the keys at a path, through names, lists and alternatives", async () => {
    const schema = await jsonSchema();
    assert.deepEqual(knownKeys(schema, []), ["$schema", "services", "log", "watch"]);
    assert.deepEqual(knownKeys(schema, ["services", "a", "stop"]), ["signal", "grace"]);
    assert.ok(knownKeys(schema, ["services", "a", "listen", "http"]).includes("backlog"));
    assert.deepEqual(knownKeys(schema, ["services", "a", "env"]), []);
  });

  it("has the defaults that are filled in", async () => {
    const schema = await jsonSchema();
    const services = schema.properties?.services?.additionalProperties as JsonSchema;
    for (const part of ["restart", "stop", "reload", "log", "health"] as const) {
      const said = Object.entries(services.properties?.[part]?.properties ?? {}).flatMap(
        ([key, { default: value }]) => {
          return value === undefined ? [] : [[key, value]];
        },
      );
      assert.deepEqual(Object.fromEntries(said), defaults[part], part);
    }
  });
});
