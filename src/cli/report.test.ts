import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, LaresError } from "../core/errors.ts";
import { errorToJson, exitCodeOf, renderError } from "./report.ts";

test("each kind of error has the exit code of the contract", () => {
  const cases: [ErrorCode, number][] = [
    ["operation_failed", 1],
    ["spawn_failed", 1],
    ["usage", 2],
    ["invalid_configuration", 2],
    ["no_supervisor", 3],
    ["not_permitted", 4],
    ["no_such_service", 5],
    ["timed_out", 6],
  ];
  for (const [code, exitCode] of cases) assert.equal(exitCodeOf(new LaresError(code, "")), exitCode, code);
  assert.equal(exitCodeOf(new Error("a fault")), 1);
});

test("an error is shown with its cause chain and its hint", () => {
  const cause = new Error("the port is taken", { cause: "pid 12 holds it" });
  const error = new LaresError("operation_failed", 'Cannot start "api": it failed', { cause, hint: "Stop pid 12." });
  assert.equal(
    renderError(error, { color: false }),
    'error: Cannot start "api": it failed\n  caused by: the port is taken\n  caused by: pid 12 holds it\nhint: Stop pid 12.\n',
  );
  assert.deepEqual(JSON.parse(errorToJson(error)), {
    error: {
      code: "operation_failed",
      message: 'Cannot start "api": it failed',
      hint: "Stop pid 12.",
      causes: ["the port is taken", "pid 12 holds it"],
    },
  });
});

test("an error that is not ours is shown with its stack, since it is a fault to be reported", () => {
  assert.match(renderError(new TypeError("x is not a function"), { color: false }), /x is not a function\n {4}at /);
});

test("a ring of causes ends", () => {
  const error = new Error("one");
  error.cause = error;
  assert.equal(renderError(error, { color: false }).match(/caused by/g)?.length, 16);
});
