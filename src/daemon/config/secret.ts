import { inspect } from "node:util";

const shown = "[redacted]";

/**
 * A value that shows itself as `[redacted]` wherever it is printed, logged, inspected or serialised.
 *
 * Make one with `secret`.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself: call it where it is used, and nowhere else. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [Symbol.toPrimitive](): string {
    return shown;
  }

  [inspect.custom](): string {
    return shown;
  }
}

/**
 * Hides a value from every log, dump and error message. Fits into a schema as a transformation.
 *
 * @returns the hidden value, to be had back by `reveal()`.
 * @example
 * ```ts
 * import { secret } from "lares";
 *
 * const password = secret("hunter2");
 * console.log(`${password}`, JSON.stringify({ password })); // [redacted] {"password":"[redacted]"}
 * console.log(password.reveal().length); // 7
 * ```
 */
export function secret<T>(value: T): Secret<T> {
  return new Secret(value);
}
