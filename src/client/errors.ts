import { type ErrorCode, LaresError } from "../core/errors.ts";
import type { ApiError } from "../protocol/api.ts";

/** Total by its type: a new code that is missing here fails the type check. */
const codes: Readonly<Record<ErrorCode, true>> = {
  usage: true,
  invalid_configuration: true,
  no_supervisor: true,
  already_running: true,
  not_permitted: true,
  no_such_service: true,
  timed_out: true,
  operation_failed: true,
  spawn_failed: true,
  not_supported: true,
  io: true,
  protocol: true,
  busy: true,
};

/** Turns the error of a response into a LaresError with the same cause chain. */
export function fromApiError(error: ApiError): LaresError {
  // A newer supervisor may know codes that this client does not.
  const code = Object.hasOwn(codes, error.code) ? (error.code as ErrorCode) : "operation_failed";
  const cause = (error.causes ?? []).reduceRight<Error | undefined>(
    (inner, message) => new Error(message, inner === undefined ? undefined : { cause: inner }),
    undefined,
  );
  return new LaresError(code, error.message, { ...(error.hint === undefined ? {} : { hint: error.hint }), cause });
}

/** Whether an error means that the supervisor is gone, perhaps only until its keeper has started it again. */
export function isDisconnected(error: unknown): boolean {
  return error instanceof LaresError && (error.code === "no_supervisor" || error.code === "io");
}
