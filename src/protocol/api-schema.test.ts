import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { count, nullable, object, optional, type Schema, text, words } from "./api-schema.ts";

interface Sample {
  readonly name: string;
  readonly pid: number | null;
  readonly state: "up" | "down";
  readonly cause?: string;
}

const state = words({ up: true, down: true });

describe("the schema of a type", () => {
  it("is plain JSON Schema, in which what is not optional is required", () => {
    const schema = object<Sample>({ name: text, pid: nullable(count), state, cause: optional(text) });
    assert.deepEqual(schema, {
      type: "object",
      properties: {
        name: { type: "string" },
        pid: { anyOf: [{ type: "integer", minimum: 0 }, { type: "null" }] },
        state: { type: "string", enum: ["up", "down"] },
        cause: { type: "string" },
      },
      required: ["name", "pid", "state"],
    });
  });

  // The compiler is the test: it refuses this file where one of these is accepted.
  it("does not compile where it says something else than the type", () => {
    const all = { name: text, pid: nullable(count), state, cause: optional(text) };
    const { cause: _, ...few } = all;
    // @ts-expect-error a property is missing
    object<Sample>(few);
    // @ts-expect-error a property is superfluous
    object<Sample>({ name: text, pid: nullable(count), state, cause: optional(text), more: text });
    // @ts-expect-error it may be null
    object<Sample>({ ...all, pid: count });
    // @ts-expect-error it may not be null
    object<Sample>({ ...all, name: nullable(text) });
    // @ts-expect-error it may be left out
    object<Sample>({ ...all, cause: text });
    // @ts-expect-error it may not be left out
    object<Sample>({ ...all, name: optional(text) });
    // @ts-expect-error not every text is one of the words
    object<Sample>({ ...all, state: text });
    // @ts-expect-error a word is missing
    const missing: Schema<"up" | "down"> = words({ up: true });
    // @ts-expect-error a word is superfluous
    const superfluous: Schema<"up"> = words({ up: true, down: true });
    assert.ok(missing && superfluous);
  });
});
