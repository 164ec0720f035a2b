import type { RunFact } from "./effects.ts";
import { type Run, type RunContext, record, type Up } from "./run.ts";
import { becameReady, stopRun, toStopping } from "./run-transitions.ts";

export function notified(
  run: Run,
  message: Extract<RunFact, { type: "notified" }>["message"],
  context: RunContext,
): Run {
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

export function watchdogExpired(run: Run & Up, context: RunContext): Run {
  record(run, context, { type: "watchdog_expired", cause: "no WATCHDOG=1 in time" });
  return stopRun(run, "watchdog", context);
}
