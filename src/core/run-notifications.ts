import type { Notification } from "./effects.ts";
import { type Reloading, type Run, type RunContext, record, type Up } from "./run.ts";
import { becameReady, stopRun, toStopping } from "./run-transitions.ts";

/** The run after a message of sd_notify. What several fields of one message mean together is as in systemd. */
export function notified(run: Run, message: Notification, context: RunContext): Run {
  let next = withStatus(run, message.status);
  if (message.mainProcess && "process" in next) next = { ...next, process: message.mainProcess };
  next = extended(next, message.extendTimeoutMs, context);
  next = watched(next, message, context);
  if (message.stopping) {
    if (next.phase !== "starting" && next.phase !== "up") return next;
    return toStopping(next, { why: "itself", signalled: true }, context);
  }
  if (message.ready && next.phase === "starting" && context.spec.ready.by === "notify") {
    return becameReady(next, context);
  }
  return next.phase === "up" && next.reloading ? reloaded(next, next.reloading, message) : next;
}

export function watchdogExpired(run: Run & Up, cause: string, context: RunContext): Run {
  record(run, context, { type: "watchdog_expired", cause });
  return stopRun(run, "watchdog", context);
}

/** An empty `STATUS=` takes the text away. */
function withStatus(run: Run, text: string | undefined): Run {
  if (text === undefined) return run;
  const { statusText: _, ...rest } = run;
  return text === "" ? rest : { ...rest, statusText: text };
}

/** `EXTEND_TIMEOUT_USEC=`: never shortens (protocols §1). */
function extended(run: Run, byMs: number | undefined, { spec, nowMs }: RunContext): Run {
  if (byMs === undefined) return run;
  const until = nowMs + byMs;
  if (run.phase === "up") {
    const { watchdogAtMs, reloading } = run;
    const waits = reloading && "deadlineMs" in reloading;
    return {
      ...run,
      ...(watchdogAtMs !== undefined && { watchdogAtMs: Math.max(watchdogAtMs, until) }),
      ...(waits && { reloading: { ...reloading, deadlineMs: Math.max(reloading.deadlineMs, until) } }),
    };
  }
  // With `ready: delay` the time is not a deadline but the moment of readiness.
  const hasDeadline = run.phase === "starting" && spec.ready.by !== "delay";
  if (hasDeadline || (run.phase === "stopping" && !run.killed)) {
    return { ...run, deadlineMs: Math.max(run.deadlineMs, until) };
  }
  return run;
}

function watched(run: Run, { watchdog, watchdogMs }: Notification, context: RunContext): Run {
  const next = watchdogMs === undefined ? run : { ...run, watchdogMs };
  if (next.phase !== "up") return next;
  if (watchdog === "trigger") return watchdogExpired(next, "it asked for it with WATCHDOG=trigger", context);
  const every = next.watchdogMs ?? context.spec.watchdogMs;
  if (every === undefined || (watchdog === undefined && watchdogMs === undefined)) return next;
  return { ...next, watchdogAtMs: context.nowMs + every };
}

/**
 * The handshake of a reload (protocols §3): a `RELOADING=1` from before the signal is about another reload, and a `READY=1`
 * without a `RELOADING=1` says nothing.
 */
function reloaded(run: Run & Up, reloading: Reloading, { reloading: begins, ready, monotonicMs }: Notification): Run {
  if (reloading.step === "timed_out") return run;
  const answers = begins && monotonicMs !== undefined && monotonicMs >= reloading.sinceMs;
  if (reloading.step === "signalled" && !answers) return run;
  if (ready) {
    const { reloading: _, ...done } = run;
    return done;
  }
  return reloading.step === "under_way" ? run : { ...run, reloading: { ...reloading, step: "under_way" } };
}
