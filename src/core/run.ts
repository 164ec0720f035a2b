import type { Effect, Exit, Process, RunId } from "./effects.ts";
import { type Health, healthDeadline } from "./health.ts";
import type { ServiceSpec } from "./spec.ts";

/** Why a run was told to stop. The first three were asked for; the others are failures. */
export type StopReason = "stop" | "restart" | "replaced" | "not_ready" | "unhealthy" | "watchdog" | "itself";

/**
 * One process from the intent to start it until nothing of it is left.
 *
 * A phase has the fields that are valid in it and no others: what has no process has no pid.
 */
export type Run = RunBase & Phase;

export interface RunBase {
  readonly generation: number;
  readonly revision: number;
  readonly startedAtMs: number;
  /** Set when it became ready, and kept: how long it was ready decides whether it was stable. */
  readonly readyAtMs?: number;
  readonly statusText?: string;
  /** `WATCHDOG_USEC=` sent by the program overrides the spec for this run. */
  readonly watchdogMs?: number;
}

export type Phase = Spawning | Starting | Up | Draining | Stopping | Clearing | Ended;

/** The intent is recorded; whether the process exists is known only from the answer. */
export interface Spawning {
  readonly phase: "spawning";
  /** Asked to stop before the answer came. */
  readonly stop?: StopReason;
}

export interface Starting {
  readonly phase: "starting";
  readonly process: Process;
  /** For `ready: delay` the moment of readiness, for all others its deadline. */
  readonly deadlineMs: number;
}

export interface Up {
  readonly phase: "up";
  readonly process: Process;
  readonly health: Health;
  readonly watchdogAtMs?: number;
  /** It was told by a signal to read its configuration again. */
  readonly reloading?: Reloading;
}

/** The handshake of `Type=notify-reload`: signal, `RELOADING=1`, `READY=1`. */
export type Reloading =
  | { readonly step: "signalled" | "under_way"; readonly sinceMs: number; readonly deadlineMs: number }
  /** It runs on, with what it had. */
  | { readonly step: "timed_out" };

/** New connections go to others; those that wait for it already are still accepted, then it is told to stop. */
export interface Draining {
  readonly phase: "draining";
  readonly process: Process;
  readonly why: StopReason;
  readonly sinceMs: number;
  /** When it is told to stop all the same. */
  readonly deadlineMs: number;
}

export interface Stopping {
  readonly phase: "stopping";
  readonly process: Process;
  readonly why: StopReason;
  readonly sinceMs: number;
  /** The stop signal is known to have been sent: a second one would mean «at once» to many programs. */
  readonly signalled: boolean;
  readonly killed: boolean;
  /** When to KILL; once killed, when to say that it would not die. */
  readonly deadlineMs: number;
}

/** The main process has ended; what it left in its group or cgroup is being ended too. */
export interface Clearing {
  readonly phase: "clearing";
  readonly exit: Exit;
  readonly why?: StopReason;
  readonly killed: boolean;
  readonly deadlineMs: number;
}

export interface Ended {
  readonly phase: "ended";
  readonly exit: Exit | null;
  readonly why?: StopReason;
  /** Why it never ran. */
  readonly error?: string;
}

/** What a run's decisions are made from. `effects` collects them in order; nothing else is changed. */
export interface RunContext {
  readonly spec: ServiceSpec;
  readonly slot: number;
  /** The revision the spec belongs to: what a new run is started from. */
  readonly revision: number;
  readonly nowMs: number;
  readonly effects: Effect[];
}

/** The next moment at which `tickRun` changes something. */
export function runDeadline(run: Run): number | undefined {
  switch (run.phase) {
    case "spawning":
    case "ended":
      return undefined;
    case "up":
      return earliest(run.watchdogAtMs, healthDeadline(run.health), reloadDeadline(run));
    default:
      return run.deadlineMs;
  }
}

function reloadDeadline({ reloading }: Up): number | undefined {
  return reloading && "deadlineMs" in reloading ? reloading.deadlineMs : undefined;
}

export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((a, b) => (a === undefined ? b : b === undefined || a < b ? a : b), undefined);
}

/** Whether it was ready for long enough that its end is not part of a row of failures. */
export function wasStable(run: Run & Ended, { spec }: RunContext): boolean {
  if (run.readyAtMs === undefined || !run.exit) return false;
  return run.exit.atMs - run.readyAtMs >= spec.restart.stableAfterMs;
}

export function idOf(run: Run, { spec, slot }: RunContext): RunId {
  return { service: spec.name, slot, generation: run.generation };
}

export function record(run: Run, context: RunContext, event: { type: string; cause?: string; [key: string]: unknown }) {
  const { type, ...details } = event;
  context.effects.push({ do: "record", event: { type, ...idOf(run, context), ...details } });
}

export function isAskedFor(why: StopReason | undefined): boolean {
  return why === "stop" || why === "restart" || why === "replaced";
}

/** `exited with code 3`, `killed by SIGKILL` … as tables and messages say it. */
export function describeExit(exit: Pick<Exit, "code" | "signal" | "status">): string {
  if (exit.signal) return `killed by ${exit.signal}`;
  if (exit.code !== null) return `exited with code ${exit.code}`;
  return "ended with unknown status";
}
