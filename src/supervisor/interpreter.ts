import type { World } from "../core/draft.ts";
import type { Effect, RunFact, RunId } from "../core/effects.ts";
import { assertNever, LaresError } from "../core/errors.ts";
import { liveSlots } from "../core/service.ts";
import { findRun } from "../core/slot.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { Engine } from "./engine.ts";
import type { EventLog } from "./event-log.ts";
import type { FdStore } from "./fd-store.ts";
import { parseRunKey } from "./holding.ts";
import { Instances } from "./instances.ts";
import type { InstancesOptions, Listeners } from "./instances-options.ts";
import type { Journal } from "./journal.ts";
import { lateIntent } from "./late-intent.ts";
import { endHomeless, recoverRuns, withStrays } from "./recovery.ts";
import { SharedNotify } from "./shared-notify.ts";
import { SpawnQueue } from "./spawn-queue.ts";

/** Listeners as a whole; a run sees only `open`. */
export interface SlotListeners extends Listeners {
  /** Takes back what another supervisor parked. */
  adopt(parked: ReadonlyMap<string, number>, pidsOf: (run: string) => readonly number[]): void;
  /** Lets only these runs get new connections. @throws LaresError when the kernel refuses */
  steer(service: string, live: readonly RunId[]): void;
  /** Whether connections wait for a run and for no other. */
  isWaitedFor(run: RunId): boolean;
  /** A run has ended: closes what it alone used and the definition does not name any more. */
  release(run: RunId, spec: ServiceSpec | undefined): void;
  /** Closes what only this slot used; with the last slot of a service, what all shared. */
  close(service: string, slot: number, isLast: boolean): void;
}

/** Everything that differs between the real machine and a simulated one. */
export interface Parts
  extends Pick<
    InstancesOptions,
    | "kernel"
    | "outputs"
    | "probes"
    | "homeId"
    | "notifyDirectory"
    | "sharedNotifyPath"
    | "ownEnvironment"
    | "userOf"
    | "registerPath"
  > {
  readonly trustedPids: InstancesOptions["trustedPids"];
  readonly store: FdStore;
  readonly journal: Journal;
  readonly events: EventLog;
  readonly listeners: SlotListeners;
  readonly version: string;
  /** The keeper put this version back because the one after it could not recover. */
  readonly isFallback: boolean;
  /** Whether a parked key is a listener's. */
  readonly isListenerKey: (key: string) => boolean;
  /** Effects that have nothing to do with runs and sockets. */
  readonly beyond: (effect: Extract<Effect, { do: "plan_schedule" | "run_hook" | "finish" }>) => void;
}

/** A timer is never longer than this, so that a clock that stood still (suspend) is noticed. */
const sleepMaxMs = 60_000;
/** How often to look whether connections still wait for a slot that is leaving. */
const drainLookMs = 20;
/** The same problem is not said again within this time. */
const quietMs = 60_000;

/**
 * The supervisor without its surroundings: the loop of decisions, and what carries them out.
 *
 * The simulation in `test/simulation` runs this very object, so what is decided or done elsewhere is not tried there.
 */
export class Interpreter {
  readonly engine: Engine;
  readonly instances: Instances;
  readonly #parts: Parts;
  readonly #spawns: SpawnQueue;
  readonly #notify: SharedNotify;
  readonly #saidProblems = new Map<string, number>();
  #cancelWake = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    const { kernel, journal, events } = parts;
    this.engine = new Engine({
      journal,
      events,
      clock: kernel,
      perform: (effect) => this.#perform(effect),
      wakeAt: (atMs) => this.#wakeAt(atMs),
      onJournal: (works) => this.problem(works ? "the journal can be written again" : "the journal cannot be written"),
    });
    this.instances = new Instances({
      ...parts,
      world: () => this.engine.world,
      report: (run, fact) => this.#report(run, fact),
      problem: (sentence) => this.problem(sentence),
    });
    this.#notify = new SharedNotify({
      kernel,
      store: parts.store,
      path: parts.sharedNotifyPath,
      holdingOf: (tag) => this.instances.byTag(tag),
      deliver: (holding, datagram) => this.instances.notified(holding, datagram),
      problem: (sentence) => this.problem(sentence),
    });
    this.#spawns = new SpawnQueue({ clock: kernel, perform: (effect) => this.instances.perform(effect) });
  }

  /**
   * Takes up what the last supervisor left.
   *
   * @param before what is desired, for when there is no journal of this boot or it has not got everything
   */
  recover(before: { readonly world: World; readonly problem?: string }): void {
    const { kernel, store, journal, events, listeners, homeId, version, isListenerKey, isFallback } = this.#parts;
    const left = journal.recover();
    events.recover(left?.events ?? []);
    const remembered = left?.world ?? before.world;
    const isSound = left !== undefined && left.unreadable === 0;
    const { world, homeless } = isSound
      ? { world: remembered, homeless: [] }
      : withStrays(remembered, { kernel, homeId });
    this.engine.load(world);
    const [shared, parked] = partition(store.recover(), SharedNotify.owns);
    this.#notify.open([...shared.values()][0]);
    const [sockets, others] = partition(parked, isListenerKey);
    const tagOf = (run: RunId) => this.instances.tagOf(run);
    listeners.adopt(sockets, (run) => livingPids(world, { run, kernel, tagOf }));
    for (const [name, { spec }] of world.services) if (spec.listen.length > 0) this.#steer(name);
    const { adopted, gaps: lost } = recoverRuns({
      kernel,
      instances: this.instances,
      world,
      parked: others,
      noteOf: (key) => store.noteOf(key),
      report: (run, fact) => this.#report(run, fact),
    });
    store.rewrite();
    const gaps = [...lost, ...(before.problem ? [before.problem] : []), ...homeless.map(endHomeless)];
    const from = left && left.header.version !== version ? { from: left.header.version } : {};
    this.engine.record({
      type: left ? "supervisor_recovered" : "supervisor_started",
      version,
      ...from,
      pid: process.pid,
      adopted,
      gaps: gaps.length ? gaps : "none",
    });
    if (isFallback)
      this.engine.record({ type: "upgrade_failed", version, cause: "the version before it is back in force" });
    if (left && !isSound) for (const command of lateIntent(world, before.world)) this.engine.dispatch(command);
    // What was said and what ended meanwhile is heard before a deadline counts.
    kernel.later(0, () => {
      for (const name of world.services.keys()) this.engine.dispatch({ type: "tick", service: name });
    });
  }

  /** Says what is wrong with the supervisor's own surroundings, not more than once a minute for each. */
  problem(sentence: string): void {
    const nowMs = this.#parts.kernel.nowMs();
    const last = this.#saidProblems.get(sentence);
    if (last !== undefined && nowMs - last < quietMs) return;
    this.#saidProblems.set(sentence, nowMs);
    this.engine.record({ type: "problem_seen", cause: sentence });
  }

  /** Nothing is done by itself any more. */
  close(): void {
    this.#cancelWake();
  }

  #report(run: RunId, fact: RunFact): void {
    this.engine.dispatch({ type: "fact", run, fact });
  }

  #perform(effect: Effect): void {
    const { listeners, beyond } = this.#parts;
    switch (effect.do) {
      case "spawn":
        this.#spawns.add(effect);
        return;
      case "await_ready":
      case "signal":
      case "clear":
      case "check_health":
        this.instances.perform(effect);
        return;
      case "release":
        this.instances.perform(effect);
        listeners.release(effect.run, this.engine.world.services.get(effect.run.service)?.spec);
        return;
      case "steer":
        this.#steer(effect.service);
        return;
      case "drain_listeners":
        this.#drainListeners(effect.run);
        return;
      case "close_listeners":
        listeners.close(effect.service, effect.slot, !this.engine.world.services.get(effect.service)?.slots.length);
        return;
      case "plan_schedule":
      case "run_hook":
      case "finish":
        beyond(effect);
        return;
      case "record":
        return;
      default:
        assertNever(effect);
    }
  }

  #steer(name: string): void {
    const service = this.engine.world.services.get(name);
    const live = service ? [...liveSlots(service)] : [];
    const runs = live.map(([slot, generation = 0]) => ({ service: name, slot, generation }));
    this.#guarded(`${name}: connections cannot be steered`, () => this.#parts.listeners.steer(name, runs));
  }

  /** Connections that came before the steering changed are still waiting for this slot: its program takes them. */
  #drainListeners(run: RunId): void {
    const { kernel, listeners } = this.#parts;
    const look = () => {
      if (!listeners.isWaitedFor(run)) this.#report(run, { type: "listeners_drained" });
      else kernel.later(drainLookMs, look);
    };
    // Handshakes that were under way when the steering changed arrive a moment later.
    kernel.later(drainLookMs, look);
  }

  #guarded(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof LaresError)) throw error;
      this.problem(`${what}: ${error.message}`);
    }
  }

  #wakeAt(atMs: number | undefined): void {
    this.#cancelWake();
    if (atMs === undefined) return;
    const { kernel } = this.#parts;
    const delayMs = Math.min(sleepMaxMs, Math.max(0, atMs - kernel.nowMs()));
    this.#cancelWake = kernel.later(Math.ceil(delayMs), () => {
      // A turn later: what was said just before the deadline counts, although timers come before it in the loop.
      this.#cancelWake = kernel.later(0, () => this.engine.tick());
    });
  }
}

/** The processes of a run that the journal names, as far as they are still the same. */
function livingPids(
  { services }: World,
  { run: key, kernel, tagOf }: { run: string; kernel: InstancesOptions["kernel"]; tagOf: (run: RunId) => string },
): readonly number[] {
  const id = parseRunKey(key);
  const slot = id && services.get(id.service)?.slots.find((one) => one.slot === id.slot);
  const run = slot && findRun(slot, id.generation);
  // Started in the last moment, it may be there without a record.
  if (run?.phase === "spawning") return id ? kernel.findTagged(tagOf(id)) : [];
  if (!run || !("process" in run)) return [];
  const { pid, startTime } = run.process;
  return kernel.startTimeOf(pid) === startTime ? [pid] : [];
}

function partition(
  parked: ReadonlyMap<string, number>,
  test: (key: string) => boolean,
): readonly [Map<string, number>, Map<string, number>] {
  const [yes, no] = [new Map<string, number>(), new Map<string, number>()];
  for (const [key, fd] of parked) (test(key) ? yes : no).set(key, fd);
  return [yes, no];
}
