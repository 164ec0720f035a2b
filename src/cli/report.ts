import { type ErrorCode, LaresError } from "../core/errors.ts";
import type { ApiError } from "../protocol/api.ts";
import { paint } from "./terminal.ts";

const exitCodes: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  invalid_configuration: 2,
  no_supervisor: 3,
  not_permitted: 4,
  no_such_service: 5,
  timed_out: 6,
  already_running: 1,
  operation_failed: 1,
  spawn_failed: 1,
  not_supported: 1,
  io: 1,
  protocol: 1,
  busy: 1,
};

/** The exit code of a command that ended with this error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof LaresError ? exitCodes[error.code] : 1;
}

/** An error as lines for people: `error: …`, the cause chain, `hint: …`. */
export function renderError(error: unknown, options: { readonly color: boolean }): string {
  const { message, causes, hint } = describeError(error);
  const lines = [
    `${paint(["bold", "red"], "error:", options.color)} ${message}`,
    ...(causes ?? []).map((cause) => `  caused by: ${cause}`),
    ...(hint === undefined ? [] : [`${paint("cyan", "hint:", options.color)} ${hint}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** An error as one JSON document, in the shape that the API uses. */
export function errorToJson(error: unknown): string {
  return `${JSON.stringify({ error: describeError(error) })}\n`;
}

function describeError(error: unknown): ApiError {
  const known = error instanceof LaresError;
  const causes = [...causesOf(error)];
  return {
    // An error that is not ours is a fault in Lares: its stack is what a report needs.
    code: known ? error.code : "operation_failed",
    message: known ? error.message : unexpected(error),
    ...(known && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

function unexpected(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function* causesOf(error: unknown): Generator<string> {
  let cause = error instanceof Error ? error.cause : undefined;
  // A chain may be made into a ring by accident; nobody reads more than this anyway.
  for (let depth = 0; cause !== undefined && cause !== null && depth < 16; depth++) {
    yield cause instanceof Error ? cause.message : String(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
}
