/** One run of a daemon: `start → ready → reload → stop`. */
import { performance } from "node:perf_hooks";
import { LaresError } from "../../core/errors.ts";
import type { Configuration } from "../config/configuration.ts";
import type { DaemonDefinition, DaemonHandlers } from "../definition.ts";
import type { Breach, GuardOptions } from "../guard/guard.ts";
import type { LoggerOptions } from "../log/create-logger.ts";
import type { Notifier } from "../notifier.ts";
import type { PidFile } from "../pid-file.ts";
import { startWatchdog } from "../watchdog.ts";
import { within } from "./closers.ts";
import { createContext } from "./context.ts";
import { guardDaemon } from "./guarding.ts";
import { fromConfig, healthListener, openParts, type Parts } from "./parts.ts";
import type { DaemonState, StateFile } from "./state-file.ts";
import { startSuccessor } from "./successor.ts";

export interface StopReport {
  /** Whether everything ended within the grace period. */
  readonly graceful: boolean;
  /** What was still open when it ran out. */
  readonly unfinished: readonly string[];
}

export interface RunSetup<Config> {
  readonly configuration: Configuration<Config>;
  readonly notifier: Notifier;
  readonly stateFile: StateFile;
  readonly pidFile: PidFile | undefined;
  /** A supervised part gave up. */
  readonly onCrash: (error: Error) => void;
  /** A hard limit was passed. */
  readonly onOverLimit: (breach: Breach, options: GuardOptions) => void;
}

const defaultGraceMs = 10_000;
const upgradeTimeoutMs = 60_000;

/** Made by `Daemon.run`. Everything it does, it does one after the other. */
export class RunningDaemon<Config> implements AsyncDisposable {
  readonly #parts: Parts<Config>;
  readonly #setup: RunSetup<Config>;
  readonly #abort = new AbortController();
  #handlers: DaemonHandlers<Config> | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #stopped: Promise<StopReport> | undefined;
  readonly #ended = Promise.withResolvers<StopReport>();

  private constructor(parts: Parts<Config>, setup: RunSetup<Config>) {
    this.#parts = parts;
    this.#setup = setup;
  }

  /** @throws what the program's `start` throws; everything opened is closed again by then. */
  static async start<Config>(
    definition: DaemonDefinition<Config>,
    setup: RunSetup<Config>,
  ): Promise<RunningDaemon<Config>> {
    const parts = await openParts(definition, setup);
    const daemon = new RunningDaemon(parts, setup);
    try {
      await daemon.#start();
      return daemon;
    } catch (error) {
      parts.logger.log.fatal({ err: error }, "the start failed");
      await daemon.stop();
      throw error;
    }
  }

  get state(): DaemonState {
    return this.#setup.stateFile.state;
  }

  /** Settles when it has stopped, for whatever reason. */
  get ended(): Promise<StopReport> {
    return this.#ended.promise;
  }

  /** The last lines of the log, for a crash report. */
  recentLines(): readonly string[] {
    return this.#parts.logger.recent();
  }

  flushLog(): void {
    this.#parts.logger.flushSync();
  }

  /** Limits in force, for a crash report. */
  limits(): unknown {
    return fromConfig(this.#parts.definition.guard, this.#parts.configuration.current);
  }

  recordError(error: unknown): void {
    this.#parts.health.recordError(error);
    this.#parts.logger.log.error({ err: error }, error instanceof Error ? error.message : String(error));
  }

  /**
   * Reads the configuration again and lets the program follow it.
   *
   * @throws LaresError `invalid_configuration`; what the program's `reload` throws. The old configuration stays in use.
   */
  reload(): Promise<void> {
    return this.#oneByOne(() => this.#reload());
  }

  /**
   * Starts the present code beside this process, hands it the listeners, and stops when it is ready.
   *
   * @throws LaresError `operation_failed` or `timed_out`: then this process goes on.
   */
  upgrade(): Promise<void> {
    return this.#oneByOne(() => this.#upgrade());
  }

  /** Opens the log file at its path again. */
  async reopenLogs(): Promise<void> {
    await this.#parts.logger.reopen();
    this.#parts.logger.log.info("the log was reopened");
  }

  /** Stops gracefully; a second call waits for the same end. */
  stop(): Promise<StopReport> {
    this.#stopped ??= this.#oneByOne(() => this.#stop({ handedOver: false }));
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const { definition, logger, health, notifier, configuration, closers, addresses } = this.#parts;
    const began = performance.now();
    const guard = await guardDaemon(this.#parts, {
      replace: () => void this.upgrade().catch((error) => this.recordError(error)),
      overLimit: this.#setup.onOverLimit,
    });
    closers.add("guard", () => guard?.[Symbol.dispose]());
    const context = createContext(this.#parts, { signal: this.#abort.signal, crash: this.#setup.onCrash });
    this.#handlers = (await limited(definition, async () => definition.start(context))) ?? undefined;
    configuration.watch(() => void this.reload().catch(() => {}));
    health.becameReady();
    const watchdog = startWatchdog(notifier);
    closers.add("watchdog", () => watchdog[Symbol.dispose]());
    this.#setup.stateFile.write({ state: "ready", listeners: addresses });
    logger.log.info({ version: definition.version, ms: Math.round(performance.now() - began) }, "ready");
    notifier.ready(`ready: ${addresses.join(", ") || "no listeners"}`);
  }

  async #reload(): Promise<void> {
    const { logger, notifier, health, configuration } = this.#parts;
    const { stateFile } = this.#setup;
    stateFile.write({ state: "reloading" });
    notifier.reloading();
    try {
      const change = await configuration.reload();
      const log = fromConfig<Config, LoggerOptions>(this.#parts.definition.log, configuration.current);
      if (log?.level !== undefined) logger.setLevel(log.level);
      await this.#handlers?.reload?.(change);
      logger.log.info({ keys: change.keys, revision: configuration.revision }, "reloaded");
      if (change.needsRestart.length > 0) {
        logger.log.warn({ keys: change.needsRestart }, "these keys take effect at the next restart");
      }
      stateFile.write({ configRevision: configuration.revision });
      stateFile.attempted("reload", undefined);
      notifier.ready("reloaded");
    } catch (error) {
      health.recordError(error);
      logger.log.error({ err: error }, "the reload failed; the old configuration stays in use");
      stateFile.attempted("reload", error);
      notifier.ready(`reload failed: ${error instanceof Error ? error.message : error}`);
      throw error;
    }
  }

  async #upgrade(): Promise<void> {
    const { logger, listeners, notifier, health } = this.#parts;
    const { stateFile, pidFile } = this.#setup;
    stateFile.write({ state: "upgrading" });
    logger.log.info("upgrading: the new process is started");
    try {
      refuseUpgrade();
      const request = { listeners: listeners.passable(), pidFd: pidFile?.fd, readyTimeoutMs: upgradeTimeoutMs };
      const pid = await startSuccessor(request);
      pidFile?.write(pid);
      notifier.mainPid(pid);
      logger.log.info({ pid }, "upgraded: the new process is ready");
    } catch (error) {
      health.recordError(error);
      logger.log.error({ err: error }, "the upgrade failed; this process goes on");
      stateFile.attempted("upgrade", error);
      throw error;
    }
    stateFile.handedOver();
    pidFile?.handedOver();
    listeners.handedOver();
    this.#stopped = this.#stop({ handedOver: true });
    await this.#stopped;
  }

  async #stop(how: { readonly handedOver: boolean }): Promise<StopReport> {
    const { definition, notifier, logger, health, listeners, closers } = this.#parts;
    const { graceMs = defaultGraceMs } = definition;
    this.#setup.stateFile.write({ state: "stopping" });
    if (!how.handedOver) {
      notifier.stopping("stopping");
      notifier.extendTimeout(graceMs + 1_000);
    }
    logger.log.info({ graceMs }, "stopping");
    health.beginDrain();
    this.#abort.abort(new LaresError("operation_failed", "the program is stopping"));
    const grace = new AbortController();
    const timer = setTimeout(() => grace.abort(), graceMs);
    closers.add("listeners", async (signal) => {
      const how = { graceMs: graceMs * 2, signal, only: (name: string) => name !== healthListener };
      const { cut } = await listeners.drain(how);
      if (cut > 0) logger.log.warn({ cut }, "connections were cut at the end of the grace period");
    });
    const busy: string[] = [];
    grace.signal.addEventListener("abort", () => busy.push(...listeners.busy()));
    if (this.#handlers?.stop) closers.add("the program's stop", () => this.#handlers?.stop?.());
    const { unfinished, errors } = await closers.closeAll(grace.signal);
    clearTimeout(timer);
    for (const { name, error } of errors) logger.log.error({ err: error, part: name }, "a part did not stop properly");
    return this.#finish({ graceful: !grace.signal.aborted, unfinished: [...unfinished, ...busy] });
  }

  /** What the rest needed until now; each quick or given up. */
  async #finish(report: StopReport): Promise<StopReport> {
    const { logger, listeners, health, configuration } = this.#parts;
    if (!report.graceful) {
      const resources = [...new Set(process.getActiveResourcesInfo())];
      logger.log.error({ unfinished: report.unfinished, resources }, "the grace period is over");
    }
    await within(AbortSignal.timeout(2_000), () => listeners.drain({ idlePauseMs: 0, graceMs: 500 }));
    await within(AbortSignal.timeout(6_000), async () => this.#parts.loadedMetrics()?.[Symbol.asyncDispose]());
    health[Symbol.dispose]();
    configuration[Symbol.dispose]();
    logger.log.info("stopped");
    await logger[Symbol.asyncDispose]();
    this.#setup.stateFile[Symbol.dispose]();
    this.#setup.pidFile?.[Symbol.dispose]();
    this.#ended.resolve(report);
    return report;
  }

  #oneByOne<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(() => {
      if (this.#stopped && this.state.state === "stopping")
        throw new LaresError("busy", "Cannot do this: the program is stopping");
      return act();
    });
    this.#work = result.catch(() => {});
    return result;
  }
}

/**
 * A supervisor that starts successors itself would take ours for a stranger, and start another one. With process 1 of a
 * container all others end.
 */
function refuseUpgrade(): void {
  if (process.pid === 1) {
    throw new LaresError(
      "not_supported",
      "Cannot upgrade in place: this is process 1, and the container ends with it",
      {
        hint: "Start a container of the new image, then stop this one.",
      },
    );
  }
  const service = process.env.LARES_SERVICE;
  if (service === undefined) return;
  throw new LaresError("not_supported", `Cannot upgrade in place: Lares runs this program as "${service}"`, {
    hint: `Run \`lares reload ${service}\`.`,
  });
}

async function limited<Config, Result>(
  definition: DaemonDefinition<Config>,
  act: () => Promise<Result>,
): Promise<Result> {
  const { startTimeoutMs, name } = definition;
  if (startTimeoutMs === undefined) return act();
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new LaresError("timed_out", `Cannot start ${name}: it was not ready within ${startTimeoutMs} ms`)),
      startTimeoutMs,
    );
  });
  try {
    return await Promise.race([act(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
