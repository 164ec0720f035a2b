import type { HooksSpec } from "./spec.ts";

/** One start of one slot. Events and effects carry it, so that late ones are told apart in one place. */
export interface RunId {
  readonly service: string;
  readonly slot: number;
  readonly generation: number;
}

/** A process that cannot be mistaken for another: a pid is reused, a pid with its start time is not. */
export interface Process {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`, in clock ticks since boot. */
  readonly startTime: string;
}

/** How a run ended. `unknown`: it died unwatched and this kernel does not keep the status. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly status: "known" | "unknown";
  readonly atMs: number;
}

/** What was decided or seen, as it goes to the event log; the recorder adds `at` and `seq`. */
export interface Recorded {
  readonly type: string;
  readonly service?: string;
  readonly slot?: number;
  readonly generation?: number;
  readonly cause?: string;
  readonly [detail: string]: unknown;
}

/**
 * What the core wants done, in this order. Every effect may be carried out twice (the supervisor can die between doing it
 * and noting it), so each is harmless the second time.
 */
export type Effect =
  /** Start the program. Answered by `spawned` or `spawn_failed`. */
  | { readonly do: "spawn"; readonly run: RunId; readonly revision: number }
  /** Begin to look for readiness as the spec says. Answered by `became_ready`, or by nothing: the core keeps the deadline. */
  | { readonly do: "await_ready"; readonly run: RunId }
  /** To the main process through its pidfd, followed by SIGCONT unless it is SIGKILL. */
  | { readonly do: "signal"; readonly run: RunId; readonly signal: string }
  /** The main process is gone: signal whatever it left behind. Answered by `cleared` once nothing is left. */
  | { readonly do: "clear"; readonly run: RunId; readonly signal: string }
  /** Nothing of this run is left: give back its descriptors, cgroup and sockets. */
  | { readonly do: "release"; readonly run: RunId }
  /** Ask once whether it is healthy. Answered by `health_checked`. */
  | { readonly do: "check_health"; readonly run: RunId }
  /** Which slots may get new connections. */
  | { readonly do: "steer"; readonly service: string; readonly live: readonly number[] }
  /** No new connections go to this run any more: see when none waits for it. Answered by `listeners_drained`; a deadline is kept. */
  | { readonly do: "drain_listeners"; readonly run: RunId }
  /** This slot will not be started again: drain and close what it listened on. */
  | { readonly do: "close_listeners"; readonly service: string; readonly slot: number }
  /** Find out when a scheduled task is next due. Answered by `schedule_planned`. */
  | { readonly do: "plan_schedule"; readonly service: string }
  | { readonly do: "run_hook"; readonly run: RunId; readonly hook: keyof HooksSpec; readonly reason: string }
  | { readonly do: "record"; readonly event: Recorded }
  /** Everything is down and was asked to be: the supervisor may end. */
  | { readonly do: "finish" };

/** What sd_notify said, already parsed and its sender checked. Times are milliseconds. */
export interface Notification {
  readonly ready?: boolean;
  readonly reloading?: boolean;
  /** When the sender began to reload, by the clock the core runs on. */
  readonly monotonicMs?: number;
  readonly stopping?: boolean;
  readonly status?: string;
  readonly watchdog?: "ping" | "trigger";
  readonly watchdogMs?: number;
  readonly extendTimeoutMs?: number;
  readonly mainProcess?: Process;
  /** It asks for a fresh process in its place. */
  readonly replace?: boolean;
}

/** What happened to one run. */
export type RunFact =
  | { readonly type: "spawned"; readonly process: Process }
  /** `lasting`: it would fail again, as long as nothing is changed. */
  | { readonly type: "spawn_failed"; readonly error: string; readonly lasting?: boolean }
  /** The supervisor died before the program ran. */
  | { readonly type: "spawn_lost" }
  | { readonly type: "became_ready" }
  | { readonly type: "notified"; readonly message: Notification }
  | { readonly type: "health_checked"; readonly ok: boolean; readonly detail: string }
  /** `tail`: its last lines, where it was not asked to end. */
  | { readonly type: "exited"; readonly exit: Omit<Exit, "atMs">; readonly tail?: readonly string[] }
  | { readonly type: "cleared" }
  /** The stop signal has been sent. */
  | { readonly type: "signalled" }
  /** No connection waits in its listeners. */
  | { readonly type: "listeners_drained" }
  /** A new supervisor found it running and holds it again. */
  | { readonly type: "adopted" };
