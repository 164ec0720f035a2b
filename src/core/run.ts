import type { Effect, Exit, Process, RunFact, RunId } from "./effects.ts";
import { assertNever } from "./errors.ts";
import { type Health, healthAfter, healthDeadline, unknownHealth } from "./health.ts";
import type { ServiceSpec } from "./spec.ts";

/** Why a run was told to stop. The first three were asked for; the others are failures. */
export type StopReason = "stop" | "restart" | "replaced" | "not_ready" | "unhealthy" | "watchdog" | "itself";

/**
 * One process from the intent to start it until nothing of it is left.
 *
 * A phase has the fields that are valid in it and no others: what has no process has no pid.
 */
export type Run = RunBase & Phase;

interface RunBase {
  readonly generation: number;
  readonly revision: number;
  readonly startedAtMs: number;
  /** Set when it became ready, and kept: how long it was ready decides whether it was stable. */
  readonly readyAtMs?: number;
  readonly statusText?: string;
  /** `WATCHDOG_USEC=` sent by the program overrides the spec for this run. */
  readonly watchdogMs?: number;
}

export type Phase = Spawning | Starting | Up | Stopping | Clearing | Ended;

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

/** How long to wait between KILLs of something that does not die (uninterruptible sleep in the kernel). */
const unkillableMs = 5000;

export function newRun(generation: number, context: RunContext): Run {
  const { revision, nowMs } = context;
  const run: Run = { generation, revision, startedAtMs: nowMs, phase: "spawning" };
  context.effects.push({ do: "spawn", run: idOf(run, context), revision });
  return run;
}

/** The run after something happened to it. A fact that does not fit the phase comes late and changes nothing. */
export function stepRun(run: Run, fact: RunFact, context: RunContext): Run {
  switch (fact.type) {
    case "spawned":
      return run.phase === "spawning" ? spawned(run, fact.process, context) : run;
    case "spawn_failed":
      return run.phase === "spawning" ? spawnFailed(run, fact.error, context) : run;
    case "spawn_lost":
      if (run.phase !== "spawning") return run;
      return run.stop ? ended(run, { exit: null, why: run.stop }, context) : newRun(run.generation, context);
    case "became_ready":
      return run.phase === "starting" ? becameReady(run, context) : run;
    case "notified":
      return notified(run, fact.message, context);
    case "health_checked":
      return run.phase === "up" ? healthChecked(run, fact, context) : run;
    case "signalled":
      return run.phase === "stopping" ? { ...run, signalled: true } : run;
    case "exited":
      return "process" in run ? exited(run, fact, context) : run;
    case "cleared":
      return run.phase === "clearing" ? ended(run, run, context) : run;
    case "adopted":
      return adopted(run, context);
    default:
      return assertNever(fact);
  }
}

/** The run after it was told to stop; nothing changes if it is already on its way out. */
export function stopRun(run: Run, why: StopReason, context: RunContext): Run {
  if (run.phase === "spawning") return run.stop ? run : { ...run, stop: why };
  if (run.phase !== "starting" && run.phase !== "up") return run;
  const signal = why === "watchdog" ? "SIGABRT" : context.spec.stop.signal;
  context.effects.push({ do: "signal", run: idOf(run, context), signal });
  return toStopping(run, { why, signalled: false }, context);
}

/** The run at its deadline; unchanged before it. */
export function tickRun(run: Run, context: RunContext): Run {
  const deadline = runDeadline(run);
  if (deadline === undefined || deadline > context.nowMs) return run;
  const id = idOf(run, context);
  switch (run.phase) {
    case "starting":
      return startingDeadline(run, context);
    case "up":
      return upDeadline(run, context);
    case "stopping":
      if (run.killed) record(run, context, { type: "stop_stuck", cause: "it does not end even after SIGKILL" });
      else record(run, context, { type: "killed", cause: `it did not end within ${context.spec.stop.graceMs} ms` });
      context.effects.push({ do: "signal", run: id, signal: "SIGKILL" });
      return { ...run, signalled: true, killed: true, deadlineMs: context.nowMs + unkillableMs };
    case "clearing":
      context.effects.push({ do: "clear", run: id, signal: "SIGKILL" });
      return { ...run, killed: true, deadlineMs: context.nowMs + unkillableMs };
    case "spawning":
    case "ended":
      return run;
    default:
      return assertNever(run);
  }
}

/** The next moment at which `tickRun` changes something. */
export function runDeadline(run: Run): number | undefined {
  switch (run.phase) {
    case "spawning":
    case "ended":
      return undefined;
    case "up":
      return earliest(run.watchdogAtMs, healthDeadline(run.health));
    default:
      return run.deadlineMs;
  }
}

export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((a, b) => (a === undefined ? b : b === undefined || a < b ? a : b), undefined);
}

/** Whether it was ready for long enough that its end is not part of a row of failures. */
export function wasStable(run: Run, { spec, nowMs }: RunContext): boolean {
  return run.readyAtMs !== undefined && nowMs - run.readyAtMs >= spec.restart.stableAfterMs;
}

export function idOf(run: Run, { spec, slot }: RunContext): RunId {
  return { service: spec.name, slot, generation: run.generation };
}

export function record(run: Run, context: RunContext, event: { type: string; cause?: string; [key: string]: unknown }) {
  const { type, ...details } = event;
  context.effects.push({ do: "record", event: { type, ...idOf(run, context), ...details } });
}

function spawned(run: Run & Spawning, process: Process, context: RunContext): Run {
  record(run, context, { type: "spawned", pid: process.pid });
  const { spec, nowMs } = context;
  const { stop, ...base } = run;
  const wait = spec.ready.by === "delay" ? spec.ready.delayMs : spec.ready.timeoutMs;
  const starting: Run & Starting = { ...base, phase: "starting", process, deadlineMs: nowMs + wait };
  if (stop) return stopRun(starting, stop, context);
  if (spec.ready.by === "started") return becameReady(starting, context);
  if (spec.ready.by !== "delay") context.effects.push({ do: "await_ready", run: idOf(run, context) });
  return starting;
}

function spawnFailed(run: Run & Spawning, error: string, context: RunContext): Run {
  record(run, context, { type: "spawn_failed", cause: error });
  return ended(run, { exit: null, error, ...(run.stop && { why: run.stop }) }, context);
}

function becameReady(run: Run & Starting, context: RunContext): Run {
  const { spec, nowMs } = context;
  const watchdogMs = run.watchdogMs ?? spec.watchdogMs;
  const { deadlineMs: _, ...base } = run;
  const up: Run & Up = {
    ...base,
    phase: "up",
    readyAtMs: nowMs,
    health: unknownHealth(spec.health, nowMs),
    ...(watchdogMs !== undefined && { watchdogAtMs: nowMs + watchdogMs }),
  };
  if (spec.kind === "service") record(run, context, { type: "became_ready", afterMs: nowMs - run.startedAtMs });
  if (spec.on.ready) context.effects.push({ do: "run_hook", run: idOf(run, context), hook: "ready", reason: "ready" });
  return up;
}

function startingDeadline(run: Run & Starting, context: RunContext): Run {
  if (context.spec.ready.by === "delay") return becameReady(run, context);
  const cause = `not ready (${context.spec.ready.by}) within ${context.nowMs - run.startedAtMs} ms`;
  record(run, context, { type: "readiness_timed_out", cause });
  return stopRun(run, "not_ready", context);
}

function upDeadline(run: Run & Up, context: RunContext): Run {
  if (run.watchdogAtMs !== undefined && run.watchdogAtMs <= context.nowMs) return watchdogExpired(run, context);
  context.effects.push({ do: "check_health", run: idOf(run, context) });
  return { ...run, health: { ...run.health, asking: true } };
}

function watchdogExpired(run: Run & Up, context: RunContext): Run {
  record(run, context, { type: "watchdog_expired", cause: "no WATCHDOG=1 in time" });
  return stopRun(run, "watchdog", context);
}

function healthChecked(run: Run & Up, answer: { ok: boolean; detail: string }, context: RunContext): Run {
  const spec = context.spec.health;
  if (!spec) return run;
  const health = healthAfter(run.health, { ok: answer.ok, spec, nowMs: context.nowMs });
  const next = { ...run, health };
  if (health.ok === run.health.ok || (health.ok && run.health.ok === null)) return next;
  if (health.ok) {
    record(run, context, { type: "health_recovered", cause: answer.detail });
    return next;
  }
  record(run, context, { type: "health_failed", cause: answer.detail });
  return spec.then === "restart" ? stopRun(next, "unhealthy", context) : next;
}

function notified(run: Run, message: Extract<RunFact, { type: "notified" }>["message"], context: RunContext): Run {
  let next = message.status === undefined ? run : { ...run, statusText: message.status };
  if (message.mainProcess && "process" in next) next = { ...next, process: message.mainProcess };
  next = extended(next, message.extendTimeoutMs, context);
  next = watched(next, message, context);
  if (message.stopping && next.phase === "up") return toStopping(next, { why: "itself", signalled: true }, context);
  if (message.ready && next.phase === "starting" && context.spec.ready.by === "notify") {
    return becameReady(next, context);
  }
  return next;
}

/** `EXTEND_TIMEOUT_USEC=`: never shortens (protocols §1). */
function extended(run: Run, byMs: number | undefined, { nowMs }: RunContext): Run {
  if (byMs === undefined) return run;
  const until = nowMs + byMs;
  if (run.phase === "up") {
    return run.watchdogAtMs === undefined ? run : { ...run, watchdogAtMs: Math.max(run.watchdogAtMs, until) };
  }
  if (run.phase === "starting" || (run.phase === "stopping" && !run.killed)) {
    return { ...run, deadlineMs: Math.max(run.deadlineMs, until) };
  }
  return run;
}

function watched(run: Run, message: { watchdog?: "ping" | "trigger"; watchdogMs?: number }, context: RunContext): Run {
  const next = message.watchdogMs === undefined ? run : { ...run, watchdogMs: message.watchdogMs };
  if (next.phase !== "up") return next;
  if (message.watchdog === "trigger") return watchdogExpired(next, context);
  const every = next.watchdogMs ?? context.spec.watchdogMs;
  if (every === undefined || (message.watchdog === undefined && message.watchdogMs === undefined)) return next;
  return { ...next, watchdogAtMs: context.nowMs + every };
}

function toStopping(
  run: Run & (Starting | Up),
  { why, signalled }: { why: StopReason; signalled: boolean },
  { spec, nowMs }: RunContext,
): Run {
  const stopping: Stopping = {
    phase: "stopping",
    process: run.process,
    why,
    sinceMs: nowMs,
    signalled,
    killed: false,
    deadlineMs: nowMs + spec.stop.graceMs,
  };
  return { ...baseOf(run), ...stopping };
}

function exited(
  run: Run & (Starting | Up | Stopping),
  fact: Extract<RunFact, { type: "exited" }>,
  context: RunContext,
) {
  const { nowMs, spec } = context;
  const exit: Exit = { ...fact.exit, atMs: nowMs };
  const stopping = run.phase === "stopping" ? run : undefined;
  const asked = stopping && isAskedFor(stopping.why);
  record(run, context, {
    type: "exited",
    code: exit.code,
    signal: exit.signal,
    ...(exit.status === "unknown" && { status: "unknown" }),
    ...(fact.tail?.length && { tail: fact.tail }),
    cause: stopping ? `told to stop (${stopping.why})` : "by itself",
  });
  if (spec.on.exit) {
    context.effects.push({ do: "run_hook", run: idOf(run, context), hook: "exit", reason: describeExit(exit) });
  }
  // A stop gives what is left the rest of the grace period; after a crash nothing is worth waiting for.
  const gentle = asked && !stopping.killed && stopping.deadlineMs > nowMs;
  context.effects.push({ do: "clear", run: idOf(run, context), signal: gentle ? spec.stop.signal : "SIGKILL" });
  const clearing: Clearing = {
    phase: "clearing",
    exit,
    killed: !gentle,
    deadlineMs: gentle ? stopping.deadlineMs : nowMs + unkillableMs,
    ...(stopping && { why: stopping.why }),
  };
  return { ...baseOf(run), ...clearing };
}

function ended(run: Run, end: Omit<Ended, "phase">, context: RunContext): Run {
  context.effects.push({ do: "release", run: idOf(run, context) });
  return {
    ...baseOf(run),
    phase: "ended",
    exit: end.exit,
    ...(end.why !== undefined && { why: end.why }),
    ...(end.error !== undefined && { error: end.error }),
  };
}

/** A new supervisor holds it again: whatever was being waited for has to be asked for once more. */
function adopted(run: Run, context: RunContext): Run {
  const id = idOf(run, context);
  switch (run.phase) {
    case "spawning":
    case "ended":
      return run;
    case "starting":
      if (context.spec.ready.by !== "delay") context.effects.push({ do: "await_ready", run: id });
      return run;
    case "up":
      return { ...run, health: { ...run.health, asking: false } };
    case "stopping": {
      const signal = run.killed ? "SIGKILL" : context.spec.stop.signal;
      if (!run.signalled || run.killed) context.effects.push({ do: "signal", run: id, signal });
      return run;
    }
    case "clearing":
      context.effects.push({ do: "clear", run: id, signal: run.killed ? "SIGKILL" : context.spec.stop.signal });
      return run;
    default:
      return assertNever(run);
  }
}

function baseOf(run: Run): RunBase {
  const { generation, revision, startedAtMs, readyAtMs, statusText, watchdogMs } = run;
  return {
    generation,
    revision,
    startedAtMs,
    ...(readyAtMs !== undefined && { readyAtMs }),
    ...(statusText !== undefined && { statusText }),
    ...(watchdogMs !== undefined && { watchdogMs }),
  };
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
