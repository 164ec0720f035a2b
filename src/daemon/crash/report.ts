/** What is written down when a program crashes, for whoever has to find out why. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeHeapSnapshot } from "node:v8";

export interface CrashContext {
  readonly name: string;
  readonly version?: string | undefined;
  /** How it came about. */
  readonly kind: "uncaughtException" | "unhandledRejection" | "overLimit" | "gaveUp";
  readonly configRevision?: number | undefined;
  /** The last log lines, oldest first. */
  readonly logTail?: readonly string[];
  /** Limits in force. */
  readonly limits?: unknown;
}

/** One error of the chain, outermost first. */
export interface CrashError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  /** In terms of the sources where source maps are enabled. */
  readonly stack: readonly string[];
}

const reportsKept = 20;
const causesMax = 16;

/**
 * Writes a crash report: the error with its causes, the last log lines, versions, limits, what was open, and Node's own
 * diagnostic report without the environment, which may hold secrets.
 *
 * @returns the file, or undefined when none could be written: a crash must not fail.
 * @example
 * ```ts
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { writeCrashReport } from "lares";
 *
 * const directory = mkdtempSync(`${tmpdir()}/crashes-`);
 * const file = writeCrashReport(new Error("boom"), { directory, context: { name: "example", kind: "uncaughtException" } });
 * console.log(file?.endsWith(".json")); // true
 * ```
 */
export function writeCrashReport(
  error: unknown,
  options: { readonly directory: string; readonly context: CrashContext; readonly heapSnapshot?: boolean },
): string | undefined {
  const { directory, context } = options;
  const at = new Date().toISOString();
  const { logTail = [], ...about } = context;
  const report = {
    at,
    ...about,
    pid: process.pid,
    uptime: process.uptime(),
    errors: errorChain(error),
    logTail,
    versions: process.versions,
    memory: process.memoryUsage(),
    resources: countBy(process.getActiveResourcesInfo()),
    argv: process.argv,
    diagnostic: diagnosticReport(error),
  };
  try {
    mkdirSync(directory, { recursive: true });
    const file = join(directory, `${context.name}.${at.replaceAll(":", "").replaceAll("-", "")}.${process.pid}.json`);
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 });
    removeOldest(directory, context.name);
    if (options.heapSnapshot) snapshotHeap(directory, file);
    return file;
  } catch {
    return undefined;
  }
}

/** The error and its causes; an aggregate's members follow it. */
export function errorChain(error: unknown): CrashError[] {
  const chain: CrashError[] = [];
  const visit = (current: unknown) => {
    if (current === undefined || chain.length >= causesMax) return;
    if (!(current instanceof Error)) {
      chain.push({ name: "thrown value", message: String(current), stack: [] });
      return;
    }
    const { name, message, code } = current as NodeJS.ErrnoException;
    const lines = (current.stack ?? "").split("\n").map((line) => line.trim());
    const stack = lines.filter((line) => line.startsWith("at "));
    chain.push({ name, message, ...(code === undefined ? {} : { code }), stack });
    if (current instanceof AggregateError) current.errors.forEach(visit);
    visit(current.cause);
  };
  visit(error);
  return chain;
}

function diagnosticReport(error: unknown): unknown {
  if (!process.report) return undefined;
  process.report.excludeEnv = true;
  // Looking up the names of peers may take seconds.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  return process.report.getReport(error instanceof Error ? error : new Error(String(error)));
}

function removeOldest(directory: string, name: string): void {
  const files = readdirSync(directory).filter((file) => file.startsWith(`${name}.`) && file.endsWith(".json"));
  for (const file of files.sort().slice(0, -reportsKept)) rmSync(join(directory, file), { force: true });
}

/** Only the latest is kept: each is as large as the heap was. */
function snapshotHeap(directory: string, reportFile: string): void {
  const extension = ".heapsnapshot";
  for (const file of readdirSync(directory)) if (file.endsWith(extension)) rmSync(join(directory, file));
  writeHeapSnapshot(reportFile.replace(/\.json$/, extension));
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
