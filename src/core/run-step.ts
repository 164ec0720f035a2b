import type { Process, RunFact } from "./effects.ts";
import { assertNever } from "./errors.ts";
import { askingHealth, type Health, healthAfter, spreadMs, unknownHealth } from "./health.ts";
import { spreadOf } from "./restart.ts";
import { idOf, type Run, type RunContext, record, runDeadline, type Spawning, type Starting, type Up } from "./run.ts";
import { notified, watchdogExpired } from "./run-notifications.ts";
import { becameReady, ended, exited, stopRun, stopSignal, unkillableMs } from "./run-transitions.ts";

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
      return run.phase === "spawning" ? spawnFailed(run, fact, context) : run;
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
      return run.phase === "stopping" && !run.signalled ? { ...run, signalled: true } : run;
    case "listeners_drained":
      return run.phase === "draining" ? stopRun(run, run.why, context) : run;
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
    case "draining":
      record(run, context, { type: "draining_timed_out", cause: "connections still wait for it" });
      return stopRun(run, run.why, context);
    case "stopping":
      if (run.killed) record(run, context, { type: "stop_stuck", cause: "it does not end even after SIGKILL" });
      else record(run, context, { type: "killed", cause: `it did not end within ${context.nowMs - run.sinceMs} ms` });
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

function spawnFailed(
  run: Run & Spawning,
  { error, lasting }: RunFact & { readonly type: "spawn_failed" },
  context: RunContext,
): Run {
  record(run, context, { type: "spawn_failed", cause: error, ...(lasting && { lasting }) });
  return ended(run, { exit: null, error, ...(run.stop && { why: run.stop }) }, context);
}

function startingDeadline(run: Run & Starting, context: RunContext): Run {
  if (context.spec.ready.by === "delay") return becameReady(run, context);
  const cause = `not ready (${context.spec.ready.by}) within ${context.nowMs - run.startedAtMs} ms`;
  record(run, context, { type: "readiness_timed_out", cause });
  return stopRun(run, "not_ready", context);
}

/** Of what has come due at once, the one that ends the run comes first. */
function upDeadline(run: Run & Up, context: RunContext): Run {
  const { spec, nowMs } = context;
  if (run.watchdogAtMs !== undefined && run.watchdogAtMs <= nowMs) {
    return watchdogExpired(run, "no WATCHDOG=1 in time", context);
  }
  if (run.reloading && "deadlineMs" in run.reloading && run.reloading.deadlineMs <= nowMs) {
    return { ...run, reloading: { step: "timed_out" } };
  }
  if (!spec.health) return { ...run, health: unknownHealth(undefined, nowMs) };
  if (run.health.asking) return healthChecked(run, { ok: false, detail: "the check gave no answer" }, context);
  context.effects.push({ do: "check_health", run: idOf(run, context) });
  return { ...run, health: askingHealth(run.health, { spec: spec.health, nowMs }) };
}

function healthChecked(run: Run & Up, answer: { ok: boolean; detail: string }, context: RunContext): Run {
  const spec = context.spec.health;
  if (!spec || !run.health.asking) return run;
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

/** What a program said while no supervisor was there still waits in its socket: it is read within this time. */
const unreadMs = 2000;

function adoptedUp(run: Run & Up, context: RunContext): Run {
  const { watchdogAtMs } = run;
  const soonest = context.nowMs + unreadMs;
  return {
    ...run,
    health: adoptedHealth(run, context),
    ...(watchdogAtMs !== undefined && { watchdogAtMs: Math.max(watchdogAtMs, soonest) }),
    ...(run.reloading &&
      "deadlineMs" in run.reloading && {
        reloading: { ...run.reloading, deadlineMs: Math.max(run.reloading.deadlineMs, soonest) },
      }),
  };
}

function adoptedHealth({ generation, health }: Run & Up, { spec, slot, nowMs }: RunContext): Health {
  // The question was lost with who asked it.
  if (health.asking && spec.health) return { ...health, asking: false, nextAtMs: nowMs };
  if (!spec.health || (health.nextAtMs ?? nowMs) > nowMs) return health;
  // When the others were asked last is not known (`isRoutine`), and they are not all asked at once.
  return { ...health, nextAtMs: nowMs + spreadMs(spec.health, spreadOf(spec.name, slot, generation)) };
}

/** A new supervisor holds it again: whatever was being waited for has to be asked for once more. */
function adopted(run: Run, context: RunContext): Run {
  const id = idOf(run, context);
  switch (run.phase) {
    case "spawning":
    case "ended":
      return run;
    case "starting":
      if (context.spec.ready.by === "delay") return run;
      context.effects.push({ do: "await_ready", run: id });
      return { ...run, deadlineMs: Math.max(run.deadlineMs, context.nowMs + unreadMs) };
    case "up":
      return adoptedUp(run, context);
    case "draining":
      context.effects.push({ do: "drain_listeners", run: id });
      return run;
    case "stopping": {
      const signal = run.killed ? "SIGKILL" : stopSignal(run.why, context);
      if (!run.signalled || run.killed) context.effects.push({ do: "signal", run: id, signal });
      // It hears of it only now: its grace has not begun yet.
      return run.signalled ? run : { ...run, deadlineMs: context.nowMs + context.spec.stop.graceMs };
    }
    case "clearing":
      // What is left was told to end when the clearing began; a second TERM would mean «at once» to many programs.
      context.effects.push({ do: "clear", run: id, signal: run.killed ? "SIGKILL" : "SIGCONT" });
      return run;
    default:
      return assertNever(run);
  }
}
