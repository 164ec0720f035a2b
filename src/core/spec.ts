import type { SinkSpec } from "./sink.ts";

/**
 * What a service is: the normalised form of one entry under `services:`.
 *
 * Everything here is plain JSON with every default filled in, so that two specs can be compared key by key, journalled,
 * and sent over the API unchanged. Durations are milliseconds, sizes are bytes, paths are absolute.
 */
export interface ServiceSpec {
  readonly name: string;
  readonly kind: "service" | "task";
  /** Only for tasks: when to run. Without it a task runs once. */
  readonly schedule?: ScheduleSpec;
  /** The program and its arguments; never empty. A shell is only involved when the user asked for one. */
  readonly command: readonly string[];
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly group?: string;
  /** File mode creation mask, for example 0o027. */
  readonly umask?: number;
  /** -20 (most favoured) to 19. */
  readonly nice?: number;
  readonly instances: number;
  readonly listen: readonly ListenerSpec[];
  readonly balance: "even" | "shared";
  readonly ready: ReadySpec;
  readonly health?: HealthSpec;
  /** sd_notify watchdog: `WATCHDOG=1` is due at least this often once ready. */
  readonly watchdogMs?: number;
  readonly restart: RestartSpec;
  readonly stop: StopSpec;
  readonly reload: ReloadSpec;
  readonly limits: LimitsSpec;
  readonly log: LogSpec;
  /** Services to become ready (tasks: to complete) before this one starts. Includes every name in `requires`. */
  readonly after: readonly string[];
  /** Services whose stop or failure also stops this one. */
  readonly requires: readonly string[];
  readonly on: HooksSpec;
  /** Preload `lares/register` into Node programs. */
  readonly register: boolean;
}

export interface ScheduleSpec {
  readonly cron: string;
  /** IANA name; the host's zone when absent. */
  readonly timezone?: string;
  /** Whether a run may start while the previous one is still going. */
  readonly overlap: boolean;
}

export interface ListenerSpec {
  readonly name: string;
  readonly address:
    | { readonly family: "tcp"; readonly host: string; readonly port: number }
    | { readonly family: "unix"; readonly path: string };
  readonly backlog: number;
  /** Unix sockets only: file mode, for example 0o660. */
  readonly mode?: number;
  /** Unix sockets only. */
  readonly owner?: { readonly user?: string; readonly group?: string };
}

/** How an instance is known to be ready. Every way has a deadline after which the start has failed. */
export type ReadySpec = { readonly timeoutMs: number } & (
  | { readonly by: "started" }
  | { readonly by: "notify" }
  | { readonly by: "fd"; readonly fd: number }
  | { readonly by: "listening" }
  | { readonly by: "delay"; readonly delayMs: number }
  | { readonly by: "log"; readonly pattern: string }
  | ProbeTarget
);

/** Something that can be asked from outside whether it works. */
export type ProbeTarget =
  | { readonly by: "http"; readonly url: string }
  | { readonly by: "tcp"; readonly address: string }
  | { readonly by: "exec"; readonly command: readonly string[] };

export interface HealthSpec {
  readonly probe: ProbeTarget;
  readonly initialDelayMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failures after which an instance is `degraded`. */
  readonly failures: number;
  /** Consecutive successes after which it is `up` again. */
  readonly successes: number;
  /** What `degraded` leads to. */
  readonly then: "restart" | "report";
}

export interface RestartSpec {
  readonly policy: "always" | "on-failure" | "never";
  readonly delayMs: number;
  readonly delayMaxMs: number;
  /** Each further delay is this many times the one before; at least 1. */
  readonly factor: number;
  /** 0 to 1: a delay is spread by up to this share either way. */
  readonly jitter: number;
  /** Ready for this long ends the row of failures: the next restart is at once. */
  readonly stableAfterMs: number;
  /** At most this many automatic restarts … */
  readonly intensity: number;
  /** … in any window of this length. */
  readonly periodMs: number;
  /** Past the limit: stay `failed`, or go on trying every `periodMs`. */
  readonly then: "fail" | "slow";
}

export interface StopSpec {
  readonly signal: string;
  readonly graceMs: number;
}

export interface ReloadSpec {
  readonly style: "rolling" | "signal" | "restart";
  /** How long a successor must stay ready before its predecessor is told to stop. */
  readonly settleMs: number;
  readonly parallel: number;
  /** A whole reload that takes longer has failed. */
  readonly timeoutMs: number;
  /** What becomes of slots already replaced when a later one fails. */
  readonly onFailure: "revert" | "keep";
  readonly signal: string;
}

/** Absent means not limited by Lares. */
export interface LimitsSpec {
  readonly memoryBytes?: number;
  readonly memorySoftBytes?: number;
  /** 150 is one and a half processors. */
  readonly cpuPercent?: number;
  readonly pids?: number;
  /** RLIMIT_NOFILE. */
  readonly files?: number;
  /** RLIMIT_CORE in bytes. */
  readonly coreBytes?: number;
}

export interface LogSpec {
  readonly maxSizeBytes: number;
  readonly maxAgeMs: number;
  /** Rotated segments kept per stream. */
  readonly keep: number;
  readonly totalBytes: number;
  /** What all services together may take, in the words of the file this one came from; absent is unlimited. */
  readonly totalOfAllBytes?: number;
  readonly compress: "zstd" | "none";
  readonly whenFull: "drop" | "block";
  /** Bytes a second; absent is unlimited. */
  readonly rateBytes?: number;
  /** Where lines go besides the files; absent is nowhere. */
  readonly to?: readonly SinkSpec[];
}

/** Commands run at a moment of an instance's life; each a program and its arguments. */
export interface HooksSpec {
  readonly ready?: readonly string[];
  readonly exit?: readonly string[];
  readonly failed?: readonly string[];
}
