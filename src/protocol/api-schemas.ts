import type {
  ActionReply,
  ActionRequest,
  ApiError,
  ApplyReply,
  ApplyRequest,
  EventView,
  ExitView,
  FailureView,
  InstanceState,
  InstanceView,
  ListeningView,
  PlanStep,
  ServiceSpec,
  ServiceView,
  SinkView,
  SupervisorView,
} from "./api.ts";
import {
  about,
  amount,
  anything,
  count,
  flag,
  listOf,
  moment,
  nullable,
  object,
  optional,
  type Schema,
  text,
  words,
} from "./api-schema.ts";

/** What the API takes and gives, by the names of its schemas. */
export interface ApiTypes {
  readonly InstanceView: InstanceView;
  readonly ExitView: ExitView;
  readonly ServiceView: ServiceView;
  readonly ServiceSpec: ServiceSpec;
  readonly FailureView: FailureView;
  readonly ListeningView: ListeningView;
  readonly SinkView: SinkView;
  readonly EventView: EventView;
  readonly ApplyRequest: ApplyRequest;
  readonly PlanStep: PlanStep;
  readonly ApplyReply: ApplyReply;
  readonly ActionRequest: ActionRequest;
  readonly ActionReply: ActionReply;
  readonly SupervisorView: SupervisorView;
  readonly ErrorReply: { readonly error: ApiError };
  readonly ApiError: ApiError;
  readonly OpenApiDocument: object;
}

export type SchemaName = keyof ApiTypes;

/** Where a schema is found from within the OpenAPI document. */
export function referTo<N extends SchemaName>(name: N): Schema<ApiTypes[N]> {
  return { $ref: `#/components/schemas/${name}` };
}

/** Beside the types of `api.ts`, and held to them by the compiler. Only loaded for the OpenAPI document. */
export const apiSchemas: { readonly [N in SchemaName]: Schema<ApiTypes[N]> } = {
  InstanceView: about(
    "One row of `lares ls --json`.",
    object<InstanceView>({
      service: text,
      slot: count,
      state: words<InstanceState>({
        down: true,
        starting: true,
        up: true,
        degraded: true,
        stopping: true,
        backoff: true,
        failed: true,
        completed: true,
      }),
      desired: words({ up: true, down: true }),
      ready: flag,
      healthy: about("Null when nothing checks it.", nullable(flag)),
      pid: nullable(count),
      generation: about("Counts the starts of this slot.", count),
      revision: count,
      startedAt: nullable(moment),
      uptimeMs: nullable(count),
      restarts: count,
      slow: about(
        "It reached its restart limit, and `then: slow` tries it only once every `period`, until it runs stably again.",
        flag,
      ),
      exit: about("The last end; null before the first.", nullable(referTo("ExitView"))),
      memoryBytes: nullable(count),
      cpuPercent: about("Of one processor, since the last reading.", nullable(amount)),
      reason: about("Why it is in this state, in a few words.", nullable(text)),
      statusText: about("The last `STATUS=` that it sent.", nullable(text)),
    }),
  ),
  ExitView: about(
    "How a process ended. Its status is `unknown` when no kernel could say (it died unwatched on Linux before 6.15).",
    object<ExitView>({
      code: nullable(count),
      signal: nullable(text),
      status: words({ known: true, unknown: true }),
      at: moment,
    }),
  ),
  ServiceView: about(
    "`lares describe SERVICE --json`.",
    object<ServiceView>({
      service: text,
      desired: words({ up: true, down: true }),
      revision: count,
      source: about("The file that it came from; null for an ad-hoc service.", nullable(text)),
      spec: referTo("ServiceSpec"),
      instances: listOf(referTo("InstanceView")),
      lastFailure: nullable(referTo("FailureView")),
      nextRunAt: about("The next run of a scheduled task.", nullable(moment)),
      logDirectory: text,
      logDroppedBytes: about("Not written because the disk was full (`when_full: drop`).", count),
      listening: about("Where its listeners are open, also while nothing runs.", listOf(referTo("ListeningView"))),
      sinks: about("Where its lines go besides the files, and how far.", listOf(referTo("SinkView"))),
      notEnforced: about("Limits that this host cannot enforce, one sentence each.", listOf(text)),
      waitingFor: about("Other services that this one waits for.", listOf(text)),
    }),
  ),
  ServiceSpec: {
    type: "object",
    description:
      "A service with every default filled in, durations in milliseconds, sizes in bytes and absolute paths, as `lares apply` sends it. docs/configuration.md has the keys.",
  },
  ListeningView: about(
    "An open listener: its name in `listen`, and `HOST:PORT` with a real port, or `unix:PATH`.",
    object<ListeningView>({ name: text, address: text }),
  ),
  FailureView: about(
    "The last end of an instance that was not asked for.",
    object<FailureView>({
      slot: count,
      generation: count,
      at: moment,
      reason: text,
      exit: nullable(referTo("ExitView")),
      restarts: count,
      logTail: about("The last lines that it wrote, oldest first.", listOf(text)),
    }),
  ),
  SinkView: about(
    "How far one sink of a service has got. Counts are those since the sink was first configured.",
    object<SinkView>({
      name: text,
      by: words<SinkView["by"]>({ journald: true, syslog: true, loki: true, otlp: true, exec: true }),
      state: about(
        "`unknown` while the process that delivers cannot be asked.",
        words<SinkView["state"]>({ delivering: true, failing: true, unknown: true }),
      ),
      deliveredLines: count,
      deliveredBytes: count,
      deliveredAt: about("Null before the first delivery.", nullable(moment)),
      lagBytes: about("Written and not delivered, before compression.", count),
      lagMs: about("How long ago the oldest of them were written.", nullable(count)),
      lostBytes: about("Deleted by retention before they could be delivered.", count),
      refusedLines: about("Lines that the other side would not have, each tried alone.", count),
      error: about("What went wrong last while it fails.", nullable(text)),
      failingSince: nullable(moment),
    }),
  ),
  EventView: {
    ...about(
      "What the supervisor saw or decided. Further members depend on `type`.",
      object<EventView>({
        at: moment,
        seq: about("Counts from 1 and never repeats within a home.", count),
        type: about("A past participle: `spawned`, `exited`, `became_ready`, `plan_applied` …", text),
        service: optional(text),
        slot: optional(count),
        generation: optional(count),
        cause: optional(text),
      }),
    ),
    additionalProperties: true,
  },
  ApplyRequest: object<ApplyRequest>({
    services: about(
      "The whole file: what is not named and came from the same source is removed.",
      listOf(referTo("ServiceSpec")),
    ),
    source: about(
      "Absolute path of the file; null for ad-hoc services, for which nothing is ever removed.",
      nullable(text),
    ),
    dryRun: flag,
    watch: optional(about("The file asks to be applied again whenever it changes.", flag)),
  }),
  PlanStep: object<PlanStep>({
    service: text,
    action: words({ add: true, change: true, remove: true, keep: true }),
    changes: about("The keys that differ.", listOf(object({ key: text, from: anything, to: anything }))),
    effect: about(
      "What carrying it out does to running instances.",
      words({ start: true, restart: true, reload: true, scale: true, stop: true, none: true }),
    ),
    instances: about("How many it will have.", count),
  }),
  ApplyReply: object<ApplyReply>({
    revision: count,
    plan: listOf(referTo("PlanStep")),
    seq: about("Event number at acceptance: follow from here.", count),
  }),
  ActionRequest: object<ActionRequest>({
    action: words({
      start: true,
      stop: true,
      restart: true,
      reload: true,
      delete: true,
      reset: true,
      signal: true,
      scale: true,
      upgrade: true,
      down: true,
    }),
    targets: about("`SERVICE`, `SERVICE/SLOT` or `all`. Empty only for `down` and `upgrade`.", listOf(text)),
    signal: optional(about("For `signal`.", text)),
    instances: optional(about("For `scale`.", count)),
  }),
  ActionReply: object<ActionReply>({
    seq: about("Event number at acceptance: follow from here.", count),
    targets: about(
      "The instances concerned, and the least generation at which each has got what was asked.",
      listOf(object({ service: text, slot: count, generation: count })),
    ),
  }),
  SupervisorView: object<SupervisorView>({
    version: text,
    pid: count,
    keeperPid: nullable(count),
    startedAt: moment,
    home: object({ run: text, state: text, log: text }),
    revision: count,
    recoveries: about("How often it was started again in this home.", count),
    seq: about("Number of the latest event.", count),
  }),
  ErrorReply: object<ApiTypes["ErrorReply"]>({ error: referTo("ApiError") }),
  ApiError: object<ApiError>({
    code: about("One word, as `no_such_service`.", text),
    message: about("`Cannot <verb> <object>: <current state>`.", text),
    hint: optional(about("What to do about it.", text)),
    causes: optional(about("Cause chain, outermost first.", listOf(text))),
  }),
  OpenApiDocument: { type: "object", description: "OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.1.html." },
};
