import { writeFileSync } from "node:fs";
import type { Effect } from "../core/effects.ts";
import { assertNever, LaresError } from "../core/errors.ts";
import type { WorldEvent } from "../core/world.ts";
import { closeFd, closeOnExecAll } from "../os/descriptors.ts";
import { receiveFds, sendFds } from "../os/fd-store.ts";
import { isListening } from "../os/listening.ts";
import { lockFile, raiseFileLimit } from "../os/process-control.ts";
import { bootId } from "../os/processes.ts";
import { ask } from "./ask.ts";
import { DesiredState } from "./desired.ts";
import { Engine } from "./engine.ts";
import { EventLog } from "./event-log.ts";
import { FdStore } from "./fd-store.ts";
import type { HomeFiles } from "./home.ts";
import { runHook } from "./hooks.ts";
import { Instances } from "./instances.ts";
import { Journal, journalFile } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import { linuxKernel, userOf } from "./linux-kernel.ts";
import { ServiceListeners } from "./listeners.ts";
import { capturedOutputs } from "./outputs.ts";
import { probesOf } from "./probes.ts";
import { recoverRuns, withStrays } from "./recovery.ts";
import { nextRun, replanMs } from "./schedules.ts";
import { SpawnQueue } from "./spawn-queue.ts";
import { UsageReadings } from "./usage.ts";
import type { ViewSources } from "./views.ts";

export interface SupervisorOptions {
  readonly files: HomeFiles;
  /** Both ends of the store's pair, inherited from the keeper. */
  readonly store: readonly [number, number];
  readonly version: string;
  /** Of `lares/register`, where it is installed. */
  readonly registerPath: string | undefined;
  /** Everything is down and was asked to be. */
  readonly onFinished: () => void;
}

/** The parts of a running supervisor, wired together. */
export class Supervisor {
  readonly options: SupervisorOptions;
  readonly kernel: Kernel & { readonly cgroupRoot: string | undefined };
  readonly engine: Engine;
  readonly events: EventLog;
  readonly instances: Instances;
  readonly listeners: ServiceListeners;
  readonly outputs: ReturnType<typeof capturedOutputs>;
  readonly usage = new UsageReadings();
  readonly desired: DesiredState;
  readonly startedAt = new Date();
  /** By service: limits that this host cannot enforce. */
  readonly notEnforced = new Map<string, Set<string>>();
  readonly #store: FdStore;
  readonly #journal: Journal;
  readonly #lock: number;
  readonly #spawns = new SpawnQueue((effect) => this.instances.perform(effect));
  readonly #saidProblems = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #clockWatch: NodeJS.Timeout | undefined;
  #wallAheadMs = Date.now() - performance.now();

  /** @throws LaresError `already_running` when another supervisor has this home */
  constructor(options: SupervisorOptions) {
    const { files, store, version } = options;
    this.options = options;
    closeOnExecAll();
    const lock = lockFile(files.lock);
    if (lock === undefined) {
      throw new LaresError("already_running", `Cannot supervise "${files.homes.run}": another supervisor does`, {
        hint: "Use it as it is, or end it with `lares down`.",
      });
    }
    this.#lock = lock;
    raiseFileLimit();
    writeFileSync(files.pidFile, `${process.pid}\n`);
    writeFileSync(files.keeperPidFile, `${process.ppid}\n`);
    this.#store = new FdStore({
      send: (data, fds) => sendFds(store[0], data, fds),
      receive: (how) => receiveFds(store[1], how),
      close: closeFd,
    });
    this.events = new EventLog(files.events);
    this.#journal = new Journal(journalFile(files.journal), { version, boot: bootId() });
    this.desired = new DesiredState(files.desired);
    this.kernel = linuxKernel({
      homeId: files.id,
      keeperPid: () => process.ppid,
      onNotEnforced: (service, sentence) => this.#noteNotEnforced(service, sentence),
    });
    this.engine = new Engine({
      journal: this.#journal,
      events: this.events,
      clock: this.kernel,
      perform: (effect) => this.#perform(effect),
      wakeAt: (atMs) => this.#wakeAt(atMs),
      onJournal: (works) => this.problem(works ? "the journal can be written again" : "the journal cannot be written"),
    });
    this.listeners = new ServiceListeners(this.#store, files.listeners);
    this.outputs = capturedOutputs({
      directory: files.homes.log,
      onPressure: (run, sentence) => this.engine.record({ type: "output_pressed", ...run, cause: sentence }),
      onError: (error) => this.problem(`log files: ${error.message}`),
    });
    this.instances = this.#createInstances();
  }

  /** Takes up what the last supervisor left, or what was to run before the machine was started. */
  recover(): void {
    const { files, version } = this.options;
    const left = this.#journal.recover();
    this.events.recover(left?.events ?? []);
    const before = this.desired.recover();
    const remembered = left?.world ?? before.world;
    const isSound = left !== undefined && left.unreadable === 0;
    const { world, homeless } = isSound ? { world: remembered, homeless: [] } : withStrays(remembered, this.#strays());
    this.engine.load(world);
    const parked = this.#store.recover();
    const [listeners, others] = partition(parked, ServiceListeners.owns);
    this.listeners.adopt(listeners);
    const recovered = recoverRuns({
      kernel: this.kernel,
      instances: this.instances,
      world,
      parked: others,
      forget: (keys) => this.#store.forget(keys),
      report: (run, fact) => this.engine.dispatch({ type: "fact", run, fact }),
    });
    this.#store.rewrite();
    const gaps = [...recovered.gaps, ...(before.problem ? [before.problem] : []), ...homeless.map(endHomeless)];
    const type = left ? "supervisor_recovered" : "supervisor_started";
    const from = left && left.header.version !== version ? { from: left.header.version } : {};
    this.engine.record({
      type,
      version,
      ...from,
      pid: process.pid,
      adopted: recovered.adopted,
      gaps: gaps.length ? gaps : "none",
    });
    for (const name of world.services.keys()) this.engine.dispatch({ type: "tick", service: name });
    this.#clockWatch = setInterval(() => this.#watchClock(), replanMs).unref();
    writeFileSync(files.mark, "recovered\n");
  }

  /** Takes a command, and keeps what is now desired. */
  command(event: WorldEvent): void {
    this.engine.dispatch(event);
    this.saveDesired();
  }

  saveDesired(): void {
    try {
      this.desired.write(this.engine.world);
    } catch (error) {
      this.problem(`the desired state cannot be written: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Says what is wrong with the supervisor's own surroundings, not more than once a minute for each. */
  problem(sentence: string): void {
    const last = this.#saidProblems.get(sentence);
    if (last !== undefined && this.kernel.nowMs() - last < 60_000) return;
    this.#saidProblems.set(sentence, this.kernel.nowMs());
    this.engine.record({ type: "problem_seen", cause: sentence });
  }

  /** What views of the present are made from. */
  viewSources(): ViewSources {
    const nowMs = this.kernel.nowMs();
    return { nowMs, usage: ({ pid }) => this.usage.of(pid, nowMs) };
  }

  get recoveries(): number {
    return this.#journal.recoveries;
  }

  /** Bytes of a service's output that were not written because there was no room. */
  droppedBytes(service: string): number {
    return this.instances.holdings().reduce((sum, { run, stdout, stderr }) => {
      if (run.service !== service) return sum;
      return sum + (stdout?.droppedBytes ?? 0) + (stderr?.droppedBytes ?? 0);
    }, 0);
  }

  close(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#clockWatch);
    this.outputs.captures.close();
    this.events.flush();
    closeFd(this.#lock);
  }

  #createInstances(): Instances {
    const { files, registerPath } = this.options;
    return new Instances({
      kernel: this.kernel,
      store: this.#store,
      world: () => this.engine.world,
      report: (run, fact) => this.engine.dispatch({ type: "fact", run, fact }),
      outputs: this.outputs,
      listeners: this.listeners,
      probes: probesOf({
        kernel: this.kernel,
        ask,
        isListening: (holding) => isListening(this.kernel.membersOf(holding)),
      }),
      homeId: files.id,
      notifyDirectory: files.notify,
      ownEnvironment: process.env,
      userOf,
      registerPath,
      trustedPids: () => [process.pid, process.ppid],
      problem: (sentence) => this.problem(sentence),
    });
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "spawn":
        this.#spawns.add(effect);
        return;
      case "await_ready":
      case "signal":
      case "clear":
      case "release":
      case "check_health":
        this.instances.perform(effect);
        return;
      case "steer":
        this.#guarded(`${effect.service}: connections cannot be steered`, () =>
          this.listeners.steer(effect.service, effect.live),
        );
        return;
      case "close_listeners":
        this.listeners.close(
          effect.service,
          effect.slot,
          !this.engine.world.services.get(effect.service)?.slots.length,
        );
        return;
      case "plan_schedule":
        void this.#planSchedule(effect.service);
        return;
      case "run_hook":
        runHook(effect, { world: this.engine.world, problem: (sentence) => this.problem(sentence) });
        return;
      case "finish":
        this.options.onFinished();
        return;
      case "record":
        return;
      default:
        assertNever(effect);
    }
  }

  #guarded(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof LaresError)) throw error;
      this.problem(`${what}: ${error.message}`);
    }
  }

  async #planSchedule(service: string): Promise<void> {
    const schedule = this.engine.world.services.get(service)?.spec.schedule;
    const next = schedule && (await nextRun(schedule, new Date()));
    if (next)
      this.engine.dispatch({
        type: "schedule_planned",
        service,
        dueMs: this.kernel.nowMs() + (next.getTime() - Date.now()),
      });
  }

  #wakeAt(atMs: number | undefined): void {
    clearTimeout(this.#timer);
    if (atMs === undefined) return;
    const delay = Math.min(replanMs, Math.max(0, atMs - this.kernel.nowMs()));
    this.#timer = setTimeout(() => this.engine.tick(), Math.ceil(delay));
  }

  /** A wall clock that was set moves the schedules that are told in it, and nothing else. */
  #watchClock(): void {
    const aheadMs = Date.now() - performance.now();
    if (Math.abs(aheadMs - this.#wallAheadMs) < 1000) return;
    this.#wallAheadMs = aheadMs;
    this.engine.record({ type: "clock_jumped", cause: "the wall clock was set; schedules are planned anew" });
    for (const [name, { dueMs }] of this.engine.world.services) if (dueMs !== undefined) void this.#planSchedule(name);
  }

  #noteNotEnforced(service: string, sentence: string): void {
    const known = this.notEnforced.get(service) ?? new Set();
    if (!known.has(sentence)) this.engine.record({ type: "limit_not_enforced", service, cause: sentence });
    this.notEnforced.set(service, known.add(sentence));
  }

  #strays() {
    return { kernel: this.kernel, homeId: this.options.files.id };
  }
}

/** A process of this home that no definition is there for any more. */
function endHomeless(pid: number): string {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It ended by itself.
  }
  return `process ${pid} belongs to no service that is known: it was told to end`;
}

function partition(
  parked: ReadonlyMap<string, number>,
  test: (key: string) => boolean,
): readonly [Map<string, number>, Map<string, number>] {
  const [yes, no] = [new Map<string, number>(), new Map<string, number>()];
  for (const [key, fd] of parked) (test(key) ? yes : no).set(key, fd);
  return [yes, no];
}
