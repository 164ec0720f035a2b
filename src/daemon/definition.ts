/** What a program says about itself, and what it is given in return. */
import type { Configuration, ConfigurationChange } from "./config/configuration.ts";
import type { Snapshot } from "./config/snapshot.ts";
import type { DrainableServer } from "./drain.ts";
import type { GuardOptions } from "./guard/guard.ts";
import type { CheckFunction, CheckOptions } from "./health/check.ts";
import type { Health } from "./health/health.ts";
import type { ListenOptions } from "./listeners.ts";
import type { Logger, LoggerOptions } from "./log/create-logger.ts";
import type { Metrics, MetricsOptions } from "./metrics/create-metrics.ts";
import type { PoolOptions, WorkerPool } from "./pool/create-pool.ts";
import type { SupervisionOptions, SupervisionTree } from "./supervision/create-tree.ts";

/** A value, or how to get it from the configuration. Asked again after each reload where that can take effect. */
export type FromConfig<Config, Value> = Value | ((config: Snapshot<Config>) => Value);

/** A whole daemon: see `defineDaemon`. */
export interface DaemonDefinition<Config> {
  /** Names PID file, log, unit and metrics; letters, digits and dashes. */
  readonly name: string;
  readonly version?: string;
  /** How long a stop may take before it is forced. Default 10000. */
  readonly graceMs?: number;
  /** How long the start may take. Default: no limit of ours. */
  readonly startTimeoutMs?: number;
  readonly log?: FromConfig<Config, LoggerOptions>;
  /** Where `/health`, `/livez`, `/readyz` and `/metrics` answer. Default: nowhere. */
  readonly health?: FromConfig<Config, ListenOptions>;
  /** Default: none are collected. */
  readonly metrics?: FromConfig<Config, MetricsOptions | true>;
  readonly guard?: FromConfig<Config, GuardOptions>;
  /** Directory for crash reports. Default: `crashes` in the state directory. */
  readonly crashDirectory?: string;
  readonly background?: BackgroundOptions;
  /** Starts everything. When it returns, the program is ready. */
  start(
    context: DaemonContext<Config>,
  ): Promise<DaemonHandlers<Config> | undefined> | DaemonHandlers<Config> | undefined;
}

export interface BackgroundOptions {
  /** Default: `NAME.pid` in the run directory. Also written in the foreground when it is given. */
  readonly pidFile?: string;
  /** Where standard output and error go. Default: `NAME.out` in the log directory. */
  readonly output?: string;
  /** Default `/`. */
  readonly workingDirectory?: string;
  /** File mode creation mask, for example 0o027. */
  readonly umask?: number;
}

export interface DaemonHandlers<Config> {
  /** After the configuration has changed, or HUP was received without a change. */
  reload?(change: ConfigurationChange<Config>): Promise<void> | void;
  /** Before listeners are drained, when readiness is off: tell those who wait, stop taking work. */
  stop?(): Promise<void> | void;
}

/** What `start` is given. */
export interface DaemonContext<Config> {
  readonly name: string;
  /** The configuration now; deeply frozen. */
  readonly config: Snapshot<Config>;
  readonly configuration: Configuration<Config>;
  readonly log: Logger;
  readonly health: Health;
  /** Aborted when the stop begins. */
  readonly signal: AbortSignal;
  /** Lets a server listen where it was told to, or on what was inherited; it is drained at the stop. */
  listen(server: DrainableServer, options: ListenOptions): Promise<string>;
  /** Adds a health check. */
  check(name: string, ask: CheckFunction, options?: CheckOptions): Disposable;
  /** The metrics of this program; loaded when first asked for. */
  metrics(): Promise<Metrics>;
  /** Threads for CPU work; drained at the stop, counted in health and metrics. */
  pool<Task = unknown, Result = unknown>(options: PoolOptions): Promise<WorkerPool<Task, Result>>;
  /** Parts that are restarted when they fail; when that does not help, the process ends as crashed. */
  supervise(options: SupervisionOptions): Promise<SupervisionTree>;
  /** Runs at the stop after listeners are drained, last added first. The name is said when it does not end. */
  defer(name: string, close: () => Promise<void> | void): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /** Asks the service manager for more time to start, reload or stop. */
  extendTimeout(ms: number): void;
}
