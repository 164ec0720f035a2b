/**
 * The library: a program becomes a daemon worth keeping.
 *
 * Each part can be used alone. What is heavy (pino, piscina, the Prometheus client, koffi, parsers) is loaded by the
 * functions that need it, when they are called.
 */
export { LaresError } from "../core/errors.ts";
export type { RunOptions } from "./background/program.ts";
export { Configuration, type ConfigurationChange, type ConfigurationOptions } from "./config/configuration.ts";
export { Secret, secret } from "./config/secret.ts";
export type { Snapshot } from "./config/snapshot.ts";
export type { StandardSchema } from "./config/standard-schema.ts";
export { type CrashHandlerOptions, handleCrashes } from "./crash/handler.ts";
export { type CrashContext, writeCrashReport } from "./crash/report.ts";
export { Daemon, defineDaemon } from "./define-daemon.ts";
export type { DaemonContext, DaemonDefinition, DaemonHandlers } from "./definition.ts";
export { type DrainableServer, type DrainOptions, type DrainReport, drainServer, trackServer } from "./drain.ts";
export { exitCodes } from "./exit-codes.ts";
export { type Guard, type GuardActions, type GuardLimits, type GuardOptions, startGuard } from "./guard/guard.ts";
export type { CheckFunction, CheckOptions, CheckResult } from "./health/check.ts";
export { createHealthServer } from "./health/endpoints.ts";
export { Health, type HealthReport, type ProbeResult } from "./health/health.ts";
export type { RunningDaemon, StopReport } from "./lifecycle/running-daemon.ts";
export { Listeners, type ListenOptions, type PassableListener } from "./listeners.ts";
export { createLogger, type Logger, type LoggerOptions, type LogHandle } from "./log/create-logger.ts";
export { createMetrics, type Metrics, type MetricsOptions, type PushTarget } from "./metrics/create-metrics.ts";
export { Notifier } from "./notifier.ts";
export { PidFile, runningPid } from "./pid-file.ts";
export { createPool, type PoolFigures, type PoolOptions, type WorkerPool } from "./pool/create-pool.ts";
export { handleSignals, type SignalActions, type SignalSetting } from "./signals.ts";
export {
  type ChildContext,
  type ChildSpec,
  type SupervisionOptions,
  type SupervisionTree,
  supervise,
} from "./supervision/create-tree.ts";
export { startWatchdog } from "./watchdog.ts";
