import type { World } from "../core/draft.ts";
import type { Process, RunFact, RunId } from "../core/effects.ts";
import { unknownHealth } from "../core/health.ts";
import type { Run } from "../core/run.ts";
import { type Service, withSlot } from "../core/service.ts";
import { findRun, runsOf, type Slot } from "../core/slot.ts";
import { parseInstanceTag } from "../protocol/instance-tag.ts";
import { type HeldKind, parkKey, parseParkKey, parseRunKey, processIn, runKey } from "./holding.ts";
import type { Instances } from "./instances.ts";
import type { Kernel } from "./kernel.ts";
import { fileNameOf } from "./run-resources.ts";

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
  /** What was noted with it. */
  readonly noteOf: (key: string) => string | undefined;
  readonly report: (run: RunId, fact: RunFact) => void;
}

/**
 * The one way back: after a crash, a kill, an upgrade or an out-of-memory kill alike.
 *
 * Every run that the journal knows is taken up again with what was parked for it; what happened to it meanwhile is found
 * out and reported as facts, and the core draws the conclusions as if they had come the usual way.
 */
export function recoverRuns(options: RecoveryOptions): Recovered {
  const { world, parked, instances } = options;
  const byRun = groupParked(parked);
  const gaps: string[] = [];
  let adopted = 0;
  for (const { id, run } of allRuns(world)) {
    const fds = byRun.get(runKey(id)) ?? new Map<HeldKind, number>();
    byRun.delete(runKey(id));
    const { lives, gap } = takeUp({ id, run, fds }, options);
    if (lives) adopted += 1;
    if (gap !== undefined) gaps.push(gap);
  }
  // Runs that ended and were not given back, or were before the store was written anew: what they wrote is kept.
  for (const [key, fds] of byRun) {
    const id = parseRunKey(key);
    if (id) instances.drop(instances.adopt(id, { fds, process: undefined, parked: true }).holding);
  }
  const held = new Set(instances.holdings().map(({ run }) => fileNameOf(run)));
  for (const mark of options.kernel.marks()) if (!held.has(mark)) options.kernel.removeMark(mark);
  return { adopted, gaps };
}

interface TakenUp {
  readonly lives: boolean;
  readonly gap?: string;
}

interface Found {
  readonly id: RunId;
  readonly run: Run;
  readonly fds: Map<HeldKind, number>;
}

function takeUp(found: Found, options: RecoveryOptions): TakenUp {
  const { id, run, fds } = found;
  const { instances, report } = options;
  if (run.phase === "spawning") return takeUpIntent(found, options);
  if (run.phase === "clearing" || run.phase === "ended") {
    instances.adopt(id, { fds, process: undefined, parked: true });
    report(id, { type: "adopted" });
    return { lives: false };
  }
  // Without it the keeper has died as well, and the store with it.
  const parked = fds.has("pidfd");
  if (!parked) reopenPidfd(found, options);
  if (!fds.has("pidfd")) {
    instances.adopt(id, { fds, process: run.process, parked: true });
    report(id, { type: "exited", exit: { code: null, signal: null, status: "unknown" } });
    return { lives: false, gap: `${runKey(id)} ended unwatched: its status is unknown` };
  }
  const { holding, lost } = instances.adopt(id, { fds, process: run.process, parked });
  report(id, { type: "adopted" });
  instances.watchProcess(holding);
  if (lost.length === 0) return { lives: true };
  return { lives: true, gap: `${runKey(id)}: its ${lost.join(" and ")} could not be taken up again` };
}

/** The intent is recorded; whether the program was started is told by what is parked, or by the tag that it carries. */
function takeUpIntent(found: Found, options: RecoveryOptions): TakenUp {
  const { id, fds } = found;
  const { kernel, instances, report, noteOf } = options;
  const held = fds.has("pidfd") ? processIn(noteOf(parkKey(id, "pidfd"))) : undefined;
  const tagged = held ? [] : kernel.findTagged(instances.tagOf(id));
  const process =
    held ??
    oldest(
      tagged.filter((pid) => kernel.sessionOf(pid) === pid),
      kernel,
    );
  const pidfd = process && !fds.has("pidfd") ? kernel.openPidfd(process.pid) : undefined;
  if (pidfd !== undefined) fds.set("pidfd", pidfd);
  if (process && fds.has("pidfd")) {
    const { holding } = instances.adopt(id, { fds, process, parked: held !== undefined });
    report(id, { type: "spawned", process });
    instances.watchProcess(holding);
    return { lives: true };
  }
  const wasStarted = kernel.wasStarted(fileNameOf(id));
  const { holding } = instances.adopt(id, { fds, process: undefined, parked: true });
  const remains = oldest(tagged, kernel);
  if (!remains && !wasStarted) {
    instances.drop(holding);
    report(id, { type: "spawn_lost" });
    return { lives: false };
  }
  // It ran and has ended: it left a mark, or something that it started is still there. Starting it once more would do
  // its work twice.
  const gone = { pid: (remains && kernel.sessionOf(remains.pid)) ?? 0, startTime: "0" };
  report(id, { type: "spawned", process: gone });
  report(id, { type: "exited", exit: { code: null, signal: null, status: "unknown" } });
  return { lives: false, gap: `${runKey(id)} ended unwatched: its status is unknown` };
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
    if (!service || !slot || isOccupied(slot, kernel)) homeless.push(...pids);
    else
      services.set(
        id.service,
        withSlot(service, id.slot, (one) => ({ ...one, ...strayIn(service, id, { process, kernel }) })),
      );
  }
  return { world: { ...world, services }, homeless };
}

/** Whether the run that the journal knows is still there; one that is gone may have had successors it does not know. */
function isOccupied({ current }: Slot, kernel: Kernel): boolean {
  if (!current || !("process" in current)) return false;
  return kernel.startTimeOf(current.process.pid) === current.process.startTime;
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
