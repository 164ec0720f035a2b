import type { Exit, RunFact } from "./effects.ts";
import { type Health, spreadMs, unknownHealth } from "./health.ts";
import { spreadOf } from "./restart.ts";
import {
  type Clearing,
  type Draining,
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
import type { ServiceSpec } from "./spec.ts";

/** How long to wait between KILLs of something that does not die (uninterruptible sleep in the kernel). */
export const unkillableMs = 5000;

/** The run after it was told to stop; nothing changes if it is already on its way out. */
export function stopRun(run: Run, why: StopReason, context: RunContext): Run {
  if (run.phase === "spawning") return run.stop ? run : { ...run, stop: why };
  if (run.phase !== "starting" && run.phase !== "up" && run.phase !== "draining") return run;
  context.effects.push({ do: "signal", run: idOf(run, context), signal: stopSignal(why, context) });
  return toStopping(run, { why, signalled: false }, context);
}

/** A program that hangs is asked for a core dump, as systemd does. */
export function stopSignal(why: StopReason, { spec }: RunContext): string {
  return why === "watchdog" ? "SIGABRT" : spec.stop.signal;
}

/** How long connections that wait for a run may keep it from being told to stop. */
const drainMs = 5000;

/** Like {@link stopRun}, but first lets it accept the connections that already wait for it and for no other. */
export function drainRun(run: Run, why: StopReason, context: RunContext): Run {
  if (run.phase !== "up" || context.spec.listen.length === 0) return stopRun(run, why, context);
  context.effects.push({ do: "drain_listeners", run: idOf(run, context) });
  const { process } = run;
  const { nowMs } = context;
  return { ...baseOf(run), phase: "draining", process, why, sinceMs: nowMs, deadlineMs: nowMs + drainMs };
}

/** Tells a run to read its configuration again; with `ready: notify` it answers when it has. */
export function reloadRun(run: Run, context: RunContext): Run {
  if (run.phase !== "up") return run;
  const { spec, nowMs } = context;
  context.effects.push({ do: "signal", run: idOf(run, context), signal: spec.reload.signal });
  if (spec.ready.by !== "notify") return run;
  return { ...run, reloading: { step: "signalled", sinceMs: nowMs, deadlineMs: nowMs + spec.ready.timeoutMs } };
}

/** A run that goes on under a changed definition; one that was of an older definition yet stays of that. */
export function revisedRun(
  run: Run,
  { before }: { before: { readonly spec: ServiceSpec; readonly revision: number } },
  context: RunContext,
): Run {
  const { spec, revision } = context;
  const next: Run = run.revision === before.revision ? { ...run, revision } : run;
  const sameHealth = JSON.stringify(before.spec.health) === JSON.stringify(spec.health);
  return next.phase === "up" && !sameHealth ? { ...next, health: notCheckedYet(run, context) } : next;
}

export function becameReady(run: Run & Starting, context: RunContext): Run {
  const { spec, nowMs } = context;
  const watchdogMs = run.watchdogMs ?? spec.watchdogMs;
  const { deadlineMs: _, ...base } = run;
  const up: Run & Up = {
    ...base,
    phase: "up",
    readyAtMs: nowMs,
    health: notCheckedYet(run, context),
    ...(watchdogMs !== undefined && { watchdogAtMs: nowMs + watchdogMs }),
  };
  if (spec.kind === "service") record(run, context, { type: "became_ready", afterMs: nowMs - run.startedAtMs });
  if (spec.on.ready) context.effects.push({ do: "run_hook", run: idOf(run, context), hook: "ready", reason: "ready" });
  return up;
}

function notCheckedYet({ generation }: RunBase, { spec, slot, nowMs }: RunContext): Health {
  const laterMs = spec.health ? spreadMs(spec.health, spreadOf(spec.name, slot, generation)) : 0;
  return unknownHealth(spec.health, nowMs + laterMs);
}

export function toStopping(
  run: Run & (Starting | Up | Draining),
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
  run: Run & (Starting | Up | Draining | Stopping),
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
