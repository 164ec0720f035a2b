/** Every reason for which Lares refuses or fails, one word each. */
export type ErrorCode =
  | "usage"
  | "invalid_configuration"
  | "no_supervisor"
  | "already_running"
  | "not_permitted"
  | "no_such_service"
  | "timed_out"
  | "operation_failed"
  | "spawn_failed"
  | "not_supported"
  | "io"
  | "protocol"
  | "busy";

/**
 * The one error of Lares.
 *
 * `message` reads `Cannot <verb> <object>: <current state>`; `hint` is one imperative sentence, with the command to run.
 */
export class LaresError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "LaresError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** For the end of a total `switch`: adding a member to the union makes this call a type error. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
