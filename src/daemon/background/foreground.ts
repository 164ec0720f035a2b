/** The whole process given to the daemon: signals, PID file, crash reports, exit codes. */
import { join } from "node:path";
import { LaresError } from "../../core/errors.ts";
import { handleCrashes } from "../crash/handler.ts";
import { exitCodes } from "../exit-codes.ts";
import { describeBreach } from "../guard/limits.ts";
import { homesOf } from "../homes.ts";
import type { RunningDaemon } from "../lifecycle/running-daemon.ts";
import { pidFdVariable } from "../lifecycle/successor.ts";
import { PidFile } from "../pid-file.ts";
import { handleSignals } from "../signals.ts";
import type { Program, VerbOptions } from "./program.ts";

/** Set for a process that `start --daemon` has started. */
export const backgroundVariable = "LARES_BACKGROUND";

const longestTimerMs = 2 ** 31 - 1;

/** @returns the exit code, when the daemon has stopped. */
export async function runInForeground<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const { name, version } = daemon.definition;
  const crashDirectory = daemon.definition.crashDirectory ?? join(homesOf(name).state, "crashes");
  let running: RunningDaemon<Config> | undefined;
  let stopEarly: NodeJS.Signals | undefined;
  const end = (error: unknown, ending: { readonly code: number; readonly file: string | undefined }) => {
    running?.recordError(error);
    running?.flushLog();
    const report = ending.file === undefined ? "" : `crash report: ${ending.file}\n`;
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n${report}`);
    process.exit(ending.code);
  };
  const crashContext = () => ({
    name,
    version,
    configRevision: running?.state.configRevision,
    logTail: running?.recentLines() ?? [],
    limits: running?.limits(),
  });
  using _crashes = handleCrashes({
    directory: crashDirectory,
    context: crashContext,
    end: (error, file) => end(error, { code: exitCodes.crashed, file }),
  });
  const swallow = (outcome: Promise<unknown> | undefined) => void outcome?.catch(() => {});
  const stop = (signal: NodeJS.Signals) => {
    // A signal during the start is obeyed when there is something to stop.
    if (running) swallow(running.stop());
    else stopEarly = signal;
  };
  using _signals = handleSignals({
    stop,
    force: (_signal, code) => {
      running?.flushLog();
      process.exit(code);
    },
    reload: () => swallow(running?.reload()),
    reopenLogs: () => swallow(running?.reopenLogs()),
    upgrade: () => swallow(running?.upgrade()),
  });
  using pidFile = await takePidFile(options);
  let code: number = exitCodes.done;
  running = await daemon.run({
    configFile: options.configFile,
    pidFile,
    onCrash: async (error) => {
      const { writeCrashReport } = await import("../crash/report.ts");
      const context = { ...crashContext(), kind: "gaveUp" as const };
      end(error, { code: exitCodes.crashed, file: writeCrashReport(error, { directory: crashDirectory, context }) });
    },
    onOverLimit: async (breach, { heapSnapshot = false }) => {
      code = exitCodes.overLimit;
      const error = new LaresError("operation_failed", `Cannot go on: ${describeBreach(breach)}`);
      const { writeCrashReport } = await import("../crash/report.ts");
      const context = { ...crashContext(), kind: "overLimit" as const };
      writeCrashReport(error, { directory: crashDirectory, context, heapSnapshot });
      running?.recordError(error);
      stop("SIGTERM");
    },
  });
  pidFile?.own();
  if (stopEarly) swallow(running.stop());
  // A daemon without a listener or timer of its own does not end by itself; `main` ends the process.
  setInterval(() => {}, longestTimerMs);
  const report = await running.ended;
  if (report.graceful) return code;
  process.stderr.write(
    `${name}: the grace period is over; still open: ${report.unfinished.join(", ") || "nothing named"}\n`,
  );
  return code === exitCodes.done ? exitCodes.graceExpired : code;
}

/** In the foreground only where one is asked for; from a predecessor when there is one. */
async function takePidFile(options: VerbOptions): Promise<PidFile | undefined> {
  const inherited = Number(process.env[pidFdVariable]);
  const background = process.env[backgroundVariable] !== undefined;
  delete process.env[pidFdVariable];
  if (Number.isInteger(inherited) && inherited > 2) return PidFile.inherit(options.pidFile, inherited);
  return background || options.pidFileNamed ? PidFile.take(options.pidFile) : undefined;
}
