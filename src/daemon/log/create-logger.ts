import type { LoggerOptions, LogHandle } from "./logger.ts";

export type { Level, Logger, LoggerOptions, LogHandle } from "./logger.ts";

/**
 * Makes a structured logger: NDJSON by pino, written by another thread through a bounded buffer, rotated by size and
 * age, and flushed at every end of the process that leaves time for it.
 *
 * @returns the logger as `log`, with what can be done to it while it runs.
 * @throws LaresError `io` when the file cannot be opened.
 * @example
 * ```ts
 * import { createLogger } from "lares";
 *
 * await using logger = await createLogger({ name: "example", redact: ["*.password"] });
 * logger.log.info({ user: { password: "x" } }, "signed in");
 * logger.setLevel("debug");
 * logger.log.child({ request: 7 }).debug("now shown");
 * ```
 */
export async function createLogger(options: LoggerOptions = {}): Promise<LogHandle> {
  const { openLogger } = await import("./logger.ts");
  return openLogger(options);
}
