import type { Exit, RunFact } from "./effects.ts";
import { unknownHealth } from "./health.ts";
import {
  type Clearing,
  describeExit,
  type Ended,
  idOf,
  isAskedFor,
  type Run,
  type RunBase,
  type RunContext,
  record,
  type Starting,
  type Stopping,
  type StopReason,
  type Up,
} from "./run.ts";

/** How long to wait between KILLs of something that does not die (uninterruptible sleep in the kernel). */
export const unkillableMs = 5000;

/** The run after it was told to stop; nothing changes if it is already on its way out. */
export function stopRun(run: Run, why: StopReason, context: RunContext): Run {
  if (run.phase === "spawning") return run.stop ? run : { ...run, stop: why };
  if (run.phase !== "starting" && run.phase !== "up") return run;
  const signal = why === "watchdog" ? "SIGABRT" : context.spec.stop.signal;
  context.effects.push({ do: "signal", run: idOf(run, context), signal });
  return toStopping(run, { why, signalled: false }, context);
}

export function becameReady(run: Run & Starting, context: RunContext): Run {
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

export function toStopping(
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

export function exited(
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

export function ended(run: Run, end: Omit<Ended, "phase">, context: RunContext): Run {
  context.effects.push({ do: "release", run: idOf(run, context) });
  return {
    ...baseOf(run),
    phase: "ended",
    exit: end.exit,
    ...(end.why !== undefined && { why: end.why }),
    ...(end.error !== undefined && { error: end.error }),
  };
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
