import type { World } from "../core/draft.ts";
import type { Exit } from "../core/effects.ts";
import type { Run } from "../core/run.ts";
import { describeExit } from "../core/run.ts";
import { isServiceReady, type Service } from "../core/service.ts";
import { withoutHeaders } from "../core/sink.ts";
import { isSlow, type Slot, stateOf } from "../core/slot.ts";
import type { ServiceSpec } from "../core/spec.ts";
import type { ExitView, FailureView, InstanceView, ServiceView } from "../protocol/api.ts";

/** What views are made from besides the world. */
export interface ViewSources {
  readonly nowMs: number;
  /** The core knows no wall clock: what it is ahead of the core's. */
  readonly wallAheadMs: number;
  readonly usage: (run: {
    readonly pid: number;
  }) => { readonly memoryBytes: number; readonly cpuPercent: number } | undefined;
}

/** Every instance, by service and slot. */
export function instanceViews(world: World, sources: ViewSources): readonly InstanceView[] {
  return [...world.services.values()].flatMap((service) =>
    service.slots.map((slot) => instanceView(service, slot, sources)),
  );
}

function instanceView(service: Service, slot: Slot, sources: ViewSources): InstanceView {
  const run = slot.current;
  const pid = run && "process" in run ? run.process.pid : null;
  const usage = pid === null ? undefined : sources.usage({ pid });
  return {
    service: service.spec.name,
    slot: slot.slot,
    state: stateOf(slot),
    desired: service.desired === "up" && !slot.held && !service.leaving ? "up" : "down",
    ready: run?.phase === "up",
    healthy: run?.phase === "up" ? run.health.ok : null,
    pid,
    generation: slot.generation,
    revision: run?.revision ?? service.revision,
    startedAt: run ? isoAt(run.startedAtMs, sources) : null,
    uptimeMs: run ? Math.round(sources.nowMs - run.startedAtMs) : null,
    restarts: slot.restarts,
    slow: isSlow(slot, { stableAfterMs: service.spec.restart.stableAfterMs, nowMs: sources.nowMs }),
    exit: slot.lastExit ? exitView(slot.lastExit, sources) : null,
    memoryBytes: usage?.memoryBytes ?? null,
    cpuPercent: usage?.cpuPercent ?? null,
    reason: reasonOf(slot, run, sources),
    statusText: run?.statusText ?? null,
  };
}

/** Everything about one service that the world knows; the caller adds what it knows of logs and limits. */
export function serviceView(
  service: Service,
  world: World,
  sources: ViewSources,
): Omit<ServiceView, "logDirectory" | "logDroppedBytes" | "listening" | "sinks" | "notEnforced" | "nextRunAt"> & {
  readonly dueMs: number | undefined;
} {
  return {
    service: service.spec.name,
    desired: service.desired,
    revision: service.revision,
    source: service.source,
    spec: withoutSecrets(service.spec),
    instances: service.slots.map((slot) => instanceView(service, slot, sources)),
    lastFailure: lastFailure(service, sources),
    waitingFor: service.spec.after.filter((name) => {
      const other = world.services.get(name);
      return other !== undefined && !isServiceReady(other);
    }),
    dueMs: service.dueMs,
  };
}

function withoutSecrets(spec: ServiceSpec): ServiceSpec {
  return spec.log.to === undefined ? spec : { ...spec, log: { ...spec.log, to: spec.log.to.map(withoutHeaders) } };
}

/** The latest of the slots' failures; its log lines are read by the caller. */
function lastFailure({ slots }: Service, sources: ViewSources): FailureView | null {
  const failed = slots.flatMap((slot) => (slot.failure ? [{ slot, failure: slot.failure }] : []));
  const latest = failed.sort((a, b) => b.failure.atMs - a.failure.atMs)[0];
  if (!latest) return null;
  const { slot, failure } = latest;
  return {
    slot: slot.slot,
    generation: failure.generation,
    at: isoAt(failure.atMs, sources),
    reason: failure.reason,
    exit: failure.exit ? exitView(failure.exit, sources) : null,
    restarts: slot.restarts,
    logTail: [],
  };
}

function reasonOf(slot: Slot, run: Run | undefined, { nowMs }: ViewSources): string | null {
  if (run?.phase === "stopping") {
    const since = ((nowMs - run.sinceMs) / 1000).toFixed(1);
    return run.killed ? `does not end even after SIGKILL (${since} s)` : `stopping for ${since} s (${run.why})`;
  }
  if (run?.phase === "clearing") return `${describeExit(run.exit)}; ending what it left behind`;
  if (!run && slot.rest.state === "backoff") {
    return `${slot.reason ?? "failed"}; next start in ${Math.max(0, Math.round(slot.rest.untilMs - nowMs))} ms`;
  }
  return slot.reason ?? null;
}

function exitView({ code, signal, status, atMs }: Exit, sources: ViewSources): ExitView {
  return { code, signal, status, at: isoAt(atMs, sources) };
}

/** The date of a moment. */
export function isoAt(atMs: number, { wallAheadMs }: Pick<ViewSources, "wallAheadMs">): string {
  return new Date(wallAheadMs + atMs).toISOString();
}
