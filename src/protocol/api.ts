/**
 * The API between command line and supervisor: HTTP/1.1 with JSON bodies over `run/lares.sock`.
 *
 * Streams are NDJSON. Errors are `{ "error": ApiError }` with a matching HTTP status.
 */
import type { SinkSpec } from "../core/sink.ts";
import type { ServiceSpec } from "../core/spec.ts";

export type { ServiceSpec };

export type InstanceState = "down" | "starting" | "up" | "degraded" | "stopping" | "backoff" | "failed" | "completed";

/** How a process ended. `status` is `unknown` when no kernel could say (died unwatched on Linux < 6.15). */
export interface ExitView {
  readonly code: number | null;
  readonly signal: string | null;
  readonly status: "known" | "unknown";
  /** ISO 8601. */
  readonly at: string;
}

/** One row of `lares ls --json`. */
export interface InstanceView {
  readonly service: string;
  readonly slot: number;
  readonly state: InstanceState;
  readonly desired: "up" | "down";
  readonly ready: boolean;
  /** Null when nothing checks it. */
  readonly healthy: boolean | null;
  readonly pid: number | null;
  /** Counts the starts of this slot. */
  readonly generation: number;
  readonly revision: number;
  readonly startedAt: string | null;
  readonly uptimeMs: number | null;
  readonly restarts: number;
  /** It reached its restart limit, and `then: slow` tries it only once every `period`, until it runs stably again. */
  readonly slow: boolean;
  readonly exit: ExitView | null;
  readonly memoryBytes: number | null;
  /** Of one processor, since the last reading. */
  readonly cpuPercent: number | null;
  /** Why it is in this state, in a few words. */
  readonly reason: string | null;
  /** The last `STATUS=` it sent. */
  readonly statusText: string | null;
}

/** `lares describe SERVICE --json`. */
export interface ServiceView {
  readonly service: string;
  readonly desired: "up" | "down";
  readonly revision: number;
  readonly source: string | null;
  readonly spec: ServiceSpec;
  readonly instances: readonly InstanceView[];
  readonly lastFailure: FailureView | null;
  /** Next run of a scheduled task, ISO 8601. */
  readonly nextRunAt: string | null;
  /** Directory of its log files. */
  readonly logDirectory: string;
  /** Bytes not written because the disk was full (`when_full: drop`). */
  readonly logDroppedBytes: number;
  /** Where its listeners are open, also while nothing runs. */
  readonly listening: readonly ListeningView[];
  /** Where its lines go besides the files, and how far. */
  readonly sinks: readonly SinkView[];
  /** Limits that this host cannot enforce, one sentence each. */
  readonly notEnforced: readonly string[];
  /** Other services that wait for this one, or that it waits for. */
  readonly waitingFor: readonly string[];
}

/** An open listener of a service. */
export interface ListeningView {
  /** Its name in `listen`. */
  readonly name: string;
  /** `HOST:PORT`, for port 0 with the one that the kernel chose, or `unix:PATH`. */
  readonly address: string;
}

/** How far one sink of a service has got. Counts are those since the sink was first configured. */
export interface SinkView {
  readonly name: string;
  readonly by: SinkSpec["by"];
  /** `unknown` while the process that delivers cannot be asked. */
  readonly state: "delivering" | "failing" | "unknown";
  readonly deliveredLines: number;
  readonly deliveredBytes: number;
  /** ISO 8601; null before the first delivery. */
  readonly deliveredAt: string | null;
  /** Written and not delivered, in bytes before compression. */
  readonly lagBytes: number;
  /** How long ago the oldest of them were written; null when there are none. */
  readonly lagMs: number | null;
  /** Deleted by retention before they could be delivered. */
  readonly lostBytes: number;
  /** Lines that the other side would not have, each tried alone. */
  readonly refusedLines: number;
  /** What went wrong last while it fails; null when all is well. */
  readonly error: string | null;
  /** ISO 8601; null when all is well. */
  readonly failingSince: string | null;
}

/** The last end of an instance that was not asked for. */
export interface FailureView {
  readonly slot: number;
  readonly generation: number;
  readonly at: string;
  readonly reason: string;
  readonly exit: ExitView | null;
  readonly restarts: number;
  /** The last lines it wrote, oldest first. */
  readonly logTail: readonly string[];
}

/** What the supervisor saw or decided. Further members depend on `type`. */
export interface EventView {
  readonly at: string;
  /** Counts from 1 and never repeats within a home. */
  readonly seq: number;
  /** A past participle: `spawned`, `exited`, `became_ready`, `plan_applied` … */
  readonly type: string;
  readonly service?: string;
  readonly slot?: number;
  readonly generation?: number;
  readonly cause?: string;
  readonly [detail: string]: unknown;
}

/** `POST /v1/apply` */
export interface ApplyRequest {
  /** The whole file: what is not named and came from the same `source` is removed. */
  readonly services: readonly ServiceSpec[];
  /** Absolute path of the file; ad-hoc services have `null`, and nothing is ever removed for them. */
  readonly source: string | null;
  readonly dryRun: boolean;
  /** The file asks to be applied again whenever it changes. */
  readonly watch?: boolean;
}

/** One line of a plan. `changes` names the keys, old and new as JSON values. */
export interface PlanStep {
  readonly service: string;
  readonly action: "add" | "change" | "remove" | "keep";
  readonly changes: readonly { readonly key: string; readonly from: unknown; readonly to: unknown }[];
  /** What carrying it out does to running instances. */
  readonly effect: "start" | "restart" | "reload" | "scale" | "stop" | "none";
  /** How many it will have: an operator's `scale` holds until the file names another number than it did then. */
  readonly instances: number;
}

export interface ApplyReply {
  readonly revision: number;
  readonly plan: readonly PlanStep[];
  /** Event number at acceptance: follow from here. */
  readonly seq: number;
}

/** `POST /v1/actions` */
export interface ActionRequest {
  readonly action:
    | "start"
    | "stop"
    | "restart"
    | "reload"
    | "delete"
    | "reset"
    | "signal"
    | "scale"
    | "upgrade"
    | "down";
  /** `SERVICE`, `SERVICE/SLOT` or `all`. Empty only for `down` and `upgrade`. */
  readonly targets: readonly string[];
  /** For `signal`. */
  readonly signal?: string;
  /** For `scale`. */
  readonly instances?: number;
}

/**
 * Which instances an accepted action concerns, and what each is to become.
 *
 * `generation` is the least generation at which the slot has got what was asked: that of the next start for `restart` and
 * for `start` of what is down, the present one for what runs already.
 */
export interface ActionReply {
  readonly seq: number;
  readonly targets: readonly { readonly service: string; readonly slot: number; readonly generation: number }[];
}

/** `GET /v1/supervisor` */
export interface SupervisorView {
  readonly version: string;
  readonly pid: number;
  readonly keeperPid: number | null;
  readonly startedAt: string;
  readonly home: { readonly run: string; readonly state: string; readonly log: string };
  readonly revision: number;
  readonly recoveries: number;
  readonly seq: number;
}

export interface ApiError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Cause chain, outermost first. */
  readonly causes?: readonly string[];
}

/** Paths of the API. Queries: `events?since=SEQ|ISO&follow=1`. */
export const routes = {
  instances: "/v1/instances",
  service: (name: string) => `/v1/services/${encodeURIComponent(name)}`,
  services: "/v1/services",
  apply: "/v1/apply",
  actions: "/v1/actions",
  events: "/v1/events",
  supervisor: "/v1/supervisor",
  openApi: "/v1/openapi.json",
} as const;
