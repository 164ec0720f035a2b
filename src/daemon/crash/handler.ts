/** What happens when an error reaches nobody. */
import { mkdirSync } from "node:fs";
import type { CrashContext } from "./report.ts";

export interface CrashHandlerOptions {
  readonly directory: string;
  /** Asked at the crash: what only the program knows. */
  readonly context: () => Omit<CrashContext, "kind">;
  /** Ends the process, after telling whom it must. `file` is the report. */
  readonly end: (error: unknown, file: string | undefined) => void;
}

/**
 * Writes a crash report on an uncaught exception or unhandled rejection, and then ends the process in your way. For a
 * fatal out-of-memory error, at which no code of ours can run, Node itself writes its diagnostic report there.
 *
 * @example
 * ```ts
 * import { tmpdir } from "node:os";
 * import { handleCrashes } from "lares";
 *
 * using _crashes = handleCrashes({
 *   directory: `${tmpdir()}/example-crashes`,
 *   context: () => ({ name: "example" }),
 *   end: (error, file) => {
 *     console.error(error, `report: ${file}`);
 *     process.exit(70);
 *   },
 * });
 * ```
 */
export function handleCrashes(options: CrashHandlerOptions): Disposable {
  let crashing = false;
  const crashed = async (error: unknown, kind: CrashContext["kind"]) => {
    // A second error on the way out has nothing to add.
    if (crashing) return;
    crashing = true;
    const { writeCrashReport } = await import("./report.ts");
    options.end(error, writeCrashReport(error, { ...options, context: { ...options.context(), kind } }));
  };
  const onException = (error: unknown) => void crashed(error, "uncaughtException");
  const onRejection = (error: unknown) => void crashed(error, "unhandledRejection");
  process.setSourceMapsEnabled(true);
  process.on("uncaughtException", onException);
  process.on("unhandledRejection", onRejection);
  reportFatalErrors(options.directory);
  return {
    [Symbol.dispose]: () => {
      process.off("uncaughtException", onException);
      process.off("unhandledRejection", onRejection);
    },
  };
}

function reportFatalErrors(directory: string): void {
  if (!process.report) return;
  try {
    mkdirSync(directory, { recursive: true });
  } catch {
    return;
  }
  process.report.directory = directory;
  process.report.reportOnFatalError = true;
  process.report.excludeEnv = true;
}
