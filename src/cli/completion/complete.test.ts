import assert from "node:assert/strict";
import { test } from "node:test";
import { LaresError } from "../../core/errors.ts";
import { commands } from "../commands.ts";
import { instance } from "../testing.ts";
import { complete } from "./complete.ts";

const from = {
  commands,
  client: { instances: async () => [instance(), instance({ slot: 1 }), instance({ service: "worker" })] },
};

test("the first word is a command", async () => {
  assert.deepEqual(await complete(["re"], from), ["restart", "reload", "reset"]);
  assert.ok((await complete([""], from)).includes("describe"));
});

test("operands are services, slots and all", async () => {
  assert.deepEqual(await complete(["stop", ""], from), ["api", "worker", "all", "api/0", "api/1", "worker/0"]);
  assert.deepEqual(await complete(["stop", "api", "w"], from), ["worker", "worker/0"]);
});

test("options are those of the command and those of all", async () => {
  assert.deepEqual(await complete(["stop", "--n"], from), ["--no-color", "--no-wait"]);
  assert.deepEqual(await complete(["completion", "b"], from), ["bash"]);
});

test("where a value or a file is due, the shell offers files", async () => {
  assert.deepEqual(await complete(["up", "-f", ""], from), []);
  assert.deepEqual(await complete(["check", ""], from), []);
  assert.deepEqual(await complete(["start", "app.js", "--", ""], from), []);
});

test("without a supervisor there are no names, and no error", async () => {
  const client = { instances: () => Promise.reject(new LaresError("no_supervisor", "none")) };
  assert.deepEqual(await complete(["stop", ""], { commands, client }), []);
});
