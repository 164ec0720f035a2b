import type { World } from "../core/draft.ts";
import type { Process, RunFact, RunId } from "../core/effects.ts";
import { unknownHealth } from "../core/health.ts";
import type { Run } from "../core/run.ts";
import { type Service, withSlot } from "../core/service.ts";
import { findRun, runsOf, type Slot } from "../core/slot.ts";
import { parseInstanceTag } from "../protocol/instance-tag.ts";
import { type HeldKind, type Holding, parkKey, parseParkKey, runKey } from "./holding.ts";
import type { Instances } from "./instances.ts";
import type { Kernel } from "./kernel.ts";

/** What a new supervisor found. */
export interface Recovered {
  /** Runs whose process goes on. */
  readonly adopted: number;
  /** What could not be taken up as it was, one sentence each. */
  readonly gaps: readonly string[];
}

export interface RecoveryOptions {
  readonly kernel: Kernel;
  readonly instances: Instances;
  readonly world: World;
  /** What the store gave back. */
  readonly parked: ReadonlyMap<string, number>;
  readonly forget: (keys: readonly string[]) => void;
  readonly report: (run: RunId, fact: RunFact) => void;
}

/**
 * The one way back: after a crash, a kill, an upgrade or an out-of-memory kill alike.
 *
 * Every run that the journal knows is taken up again with what was parked for it; what happened to it meanwhile is found
 * out and reported as facts, and the core draws the conclusions as if they had come the usual way.
 */
export function recoverRuns(options: RecoveryOptions): Recovered {
  const { world, parked, forget, kernel } = options;
  const byRun = groupParked(parked);
  const gaps: string[] = [];
  let adopted = 0;
  for (const { id, run } of allRuns(world)) {
    const fds = byRun.get(runKey(id)) ?? new Map<HeldKind, number>();
    byRun.delete(runKey(id));
    const outcome = takeUp({ id, run, fds }, options);
    if (outcome === "adopted") adopted += 1;
    else if (outcome !== "ended") gaps.push(outcome);
  }
  // Runs that ended and were released before the store was written anew.
  for (const [key, fds] of byRun) {
    forget([...fds.keys()].map((kind) => `${key}:${kind}`));
    for (const fd of fds.values()) kernel.close(fd);
  }
  return { adopted, gaps };
}

interface Found {
  readonly id: RunId;
  readonly run: Run;
  readonly fds: Map<HeldKind, number>;
}

function takeUp(found: Found, options: RecoveryOptions): "adopted" | "ended" | string {
  const { id, run, fds } = found;
  const { instances, report } = options;
  if (run.phase === "spawning") return takeUpIntent(found, options);
  if (run.phase === "clearing" || run.phase === "ended") {
    instances.adopt(id, { fds, process: undefined });
    report(id, { type: "adopted" });
    return "ended";
  }
  if (!fds.has("pidfd")) reopenPidfd({ id, run, fds }, options);
  const holding = instances.adopt(id, { fds, process: run.process });
  if (!fds.has("pidfd")) {
    report(id, { type: "exited", exit: { code: null, signal: null, status: "unknown" } });
    return `${runKey(id)} ended unwatched: its status is unknown`;
  }
  report(id, { type: "adopted" });
  instances.watchProcess(holding);
  return fds.has("stdout") || holding.stdout ? "adopted" : `${runKey(id)}: its output could not be taken up again`;
}

/** The intent is recorded; whether the program was started is told by the tag that it would carry. */
function takeUpIntent({ id, fds }: Found, options: RecoveryOptions): "adopted" | "ended" | string {
  const { kernel, instances, forget, report } = options;
  const process = oldest(kernel.findTagged(instances.tagOf(id)), kernel);
  const pidfd = process && kernel.openPidfd(process.pid);
  if (!process || pidfd === undefined) {
    forget([...fds.keys()].map((kind) => parkKey(id, kind)));
    for (const fd of fds.values()) kernel.close(fd);
    report(id, { type: "spawn_lost" });
    return "ended";
  }
  fds.set("pidfd", pidfd);
  const holding: Holding = instances.adopt(id, { fds, process });
  instances.parkAgain(holding);
  report(id, { type: "spawned", process });
  instances.watchProcess(holding);
  return "adopted";
}

/** Without the parked descriptor, the start time tells whether that pid is still the same process. */
function reopenPidfd({ run, fds }: Found, { kernel }: RecoveryOptions): void {
  if (!("process" in run) || kernel.startTimeOf(run.process.pid) !== run.process.startTime) return;
  const pidfd = kernel.openPidfd(run.process.pid);
  if (pidfd === undefined) return;
  // Opened between the two looks at the start time, it can only be of that process.
  if (kernel.startTimeOf(run.process.pid) === run.process.startTime) fds.set("pidfd", pidfd);
  else kernel.close(pidfd);
}

/** The main process of several that carry a tag is the one that was there first. */
function oldest(pids: readonly number[], kernel: Kernel): { pid: number; startTime: string } | undefined {
  const processes = pids.flatMap((pid) => {
    const startTime = kernel.startTimeOf(pid);
    return startTime === undefined ? [] : [{ pid, startTime }];
  });
  return processes.sort((a, b) => Number(BigInt(a.startTime) - BigInt(b.startTime)) || a.pid - b.pid)[0];
}

function* allRuns(world: World): Iterable<{ readonly id: RunId; readonly run: Run }> {
  for (const [service, { slots }] of world.services) {
    for (const slot of slots) {
      for (const run of runsOf(slot)) yield { id: { service, slot: slot.slot, generation: run.generation }, run };
    }
  }
}

function groupParked(parked: ReadonlyMap<string, number>): Map<string, Map<HeldKind, number>> {
  const byRun = new Map<string, Map<HeldKind, number>>();
  for (const [key, fd] of parked) {
    const parsed = parseParkKey(key);
    if (!parsed) continue;
    const fds = byRun.get(parsed.runKey) ?? new Map<HeldKind, number>();
    byRun.set(parsed.runKey, fds.set(parsed.kind, fd));
  }
  return byRun;
}

/**
 * The world with runs added that no journal knows, found by their tags: the journal was lost, its processes were not.
 *
 * @returns also the pids of strays that no definition or free slot is there for.
 */
export function withStrays(
  world: World,
  { kernel, homeId }: { readonly kernel: Kernel; readonly homeId: string },
): { readonly world: World; readonly homeless: readonly number[] } {
  const services = new Map(world.services);
  const homeless: number[] = [];
  for (const [tag, pids] of kernel.tagsOf(homeId)) {
    const id = parseInstanceTag(tag);
    const service = id && services.get(id.service);
    const slot = service?.slots.find((one) => one.slot === id?.slot);
    const process = oldest(pids, kernel);
    if (!id || !process || (slot && findRun(slot, id.generation))) continue;
    if (!service || !slot || slot.current) homeless.push(...pids);
    else
      services.set(
        id.service,
        withSlot(service, id.slot, (one) => ({ ...one, ...strayIn(service, id, { process, kernel }) })),
      );
  }
  return { world: { ...world, services }, homeless };
}

/** A process of this home that no definition is there for any more is told to end. @returns what happened, as a sentence */
export function endHomeless(pid: number): string {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It ended by itself.
  }
  return `process ${pid} belongs to no service that is known: it was told to end`;
}

function strayIn(
  { revision, spec }: Service,
  { generation }: { readonly generation: number },
  { process, kernel }: { readonly process: Process; readonly kernel: Kernel },
): Partial<Slot> {
  const nowMs = kernel.nowMs();
  const health = unknownHealth(spec.health, nowMs);
  const current: Run = { generation, revision, startedAtMs: nowMs, readyAtMs: nowMs, phase: "up", process, health };
  return { current, generation, wanted: true, reason: "found running without a record" };
}
