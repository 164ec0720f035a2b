import assert from "node:assert/strict";
import { test } from "node:test";
import { LaresError } from "../../core/errors.ts";
import { instance } from "../testing.ts";
import { complete } from "./complete.ts";

const client = { instances: async () => [instance(), instance({ slot: 1 }), instance({ service: "worker" })] };

test("the first word is a command", async () => {
  assert.deepEqual(await complete(["re"], client), ["restart", "reload", "reset"]);
  assert.ok((await complete([""], client)).includes("describe"));
});

test("operands are services, slots and all", async () => {
  assert.deepEqual(await complete(["stop", ""], client), ["api", "worker", "all", "api/0", "api/1", "worker/0"]);
  assert.deepEqual(await complete(["stop", "api", "w"], client), ["worker", "worker/0"]);
});

test("options are those of the command and those of all", async () => {
  assert.deepEqual(await complete(["stop", "--n"], client), ["--no-color", "--no-wait"]);
  assert.deepEqual(await complete(["completion", "b"], client), ["bash"]);
});

test("where a value or a file is due, the shell offers files", async () => {
  assert.deepEqual(await complete(["up", "-f", ""], client), []);
  assert.deepEqual(await complete(["check", ""], client), []);
  assert.deepEqual(await complete(["start", "app.js", "--", ""], client), []);
});

test("without a supervisor there are no names, and no error", async () => {
  const absent = { instances: () => Promise.reject(new LaresError("no_supervisor", "none")) };
  assert.deepEqual(await complete(["stop", ""], absent), []);
});
