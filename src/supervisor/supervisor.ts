import { closeSync, openSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { assertNever, LaresError } from "../core/errors.ts";
import type { WorldEvent } from "../core/world.ts";
import { closeFd, closeOnExecAll } from "../os/descriptors.ts";
import { receiveFds, sendFds } from "../os/fd-store.ts";
import { isListening } from "../os/listening.ts";
import { lockFile, monotonicMs, raiseFileLimit } from "../os/process-control.ts";
import { bootId } from "../os/processes.ts";
import { askingEach } from "./ask.ts";
import { ConfigurationFiles } from "./configuration-files.ts";
import { DesiredState } from "./desired.ts";
import type { Engine } from "./engine.ts";
import { eventFile } from "./event-file.ts";
import { EventLog } from "./event-log.ts";
import { FdStore } from "./fd-store.ts";
import { Forwarding } from "./forwarding.ts";
import type { HomeFiles } from "./home.ts";
import { runHook } from "./hooks.ts";
import type { Instances } from "./instances.ts";
import { Interpreter, type Parts } from "./interpreter.ts";
import { Journal, journalFile } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import { linuxKernel, userOf } from "./linux-kernel.ts";
import { ServiceListeners } from "./listeners.ts";
import { type CapturedOutputs, capturedOutputs } from "./outputs.ts";
import { writePidFile } from "./pid-file.ts";
import { probesOf } from "./probes.ts";
import { nextRun, replanMs } from "./schedules.ts";
import { UsageReadings } from "./usage.ts";
import type { ViewSources } from "./views.ts";

export interface SupervisorOptions {
  readonly files: HomeFiles;
  /** Both ends of the store's pair, inherited from the keeper. */
  readonly store: readonly [number, number];
  readonly version: string;
  /** Of the preload `lares/register`. */
  readonly registerPath: string;
  /** Of the process that delivers log lines elsewhere. */
  readonly forwarderPath: string;
  /** Everything is down and was asked to be. */
  readonly onFinished: () => void;
  /** This supervisor is to be replaced by one of what is installed now. */
  readonly onStartAgain: () => void;
  readonly applyCommand: ConstructorParameters<typeof ConfigurationFiles>[0]["applyCommand"];
}

/** How long the disk has, when everything is down, for what programs wrote last. */
const drainMs = 2_000;

/** The parts of a running supervisor, wired together. */
export class Supervisor {
  readonly options: SupervisorOptions;
  readonly kernel: Kernel & { readonly cgroupRoot: string | undefined };
  readonly events: EventLog;
  readonly listeners: ServiceListeners;
  readonly outputs: CapturedOutputs;
  readonly forwarding: Forwarding;
  readonly usage = new UsageReadings();
  readonly desired: DesiredState;
  readonly startedAt = new Date();
  /** By service: limits that this host cannot enforce. */
  readonly notEnforced = new Map<string, Set<string>>();
  readonly #interpreter: Interpreter;
  readonly #journal: Journal;
  readonly #lock: number;
  readonly #files: ConfigurationFiles;
  #clockWatch: NodeJS.Timeout | undefined;
  /** Kept, so that a moment has the same date however often it is asked for. */
  #wallAheadMs = wallAheadMs();

  /** @throws LaresError `already_running` when another supervisor has this home */
  constructor(options: SupervisorOptions) {
    const { files, version } = options;
    const [parkEnd, returnEnd] = options.store;
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
    const store = new FdStore({
      send: (data, fds) => sendFds(parkEnd, data, fds),
      receive: (how) => receiveFds(returnEnd, how),
      close: closeFd,
    });
    this.events = new EventLog(eventFile(files.events));
    this.#journal = new Journal(journalFile(files.journal), { version, boot: bootId() });
    this.desired = new DesiredState(files.desired);
    this.kernel = linuxKernel({
      homeId: files.id,
      marksDirectory: files.starts,
      keeperPid: () => process.ppid,
      onNotEnforced: (service, sentence) => this.#noteNotEnforced(service, sentence),
    });
    this.listeners = new ServiceListeners({
      store,
      notesPath: files.listeners,
      problem: (sentence) => this.problem(sentence),
      onOpened: (service, { listener, address, slot }) => {
        this.engine.record({ type: "listener_opened", service, listener, address, ...(slot !== null && { slot }) });
      },
    });
    this.outputs = capturedOutputs({
      directory: files.homes.log,
      onPressure: (run, sentence) => this.engine.record({ type: "output_pressed", ...run, cause: sentence }),
      onError: (error) => this.problem(`log files: ${error.message}`),
      onTrimmed: (cause) => this.engine.record({ type: "logs_trimmed", cause }),
    });
    this.forwarding = new Forwarding({
      program: options.forwarderPath,
      logDirectory: files.homes.log,
      stateDirectory: join(files.homes.state, "forward"),
      record: (event) => this.engine.record(event),
    });
    this.#interpreter = this.#createInterpreter(store);
    this.#files = new ConfigurationFiles({
      applyCommand: options.applyCommand,
      onRejected: (file, cause) => this.engine.record({ type: "configuration_rejected", file, cause }),
    });
  }

  get engine(): Engine {
    return this.#interpreter.engine;
  }

  get instances(): Instances {
    return this.#interpreter.instances;
  }

  /** Takes up what the last supervisor left, or what was to run before the machine was started. */
  recover(): void {
    this.#interpreter.recover(this.desired.recover());
    this.forwarding.configure(this.engine.world);
    this.#writePids();
    this.#files.watch(this.desired.watched);
    this.#clockWatch = setInterval(() => this.#watchClock(), replanMs).unref();
    this.#mark();
  }

  /** Takes a command, and keeps what is now desired. */
  command(event: WorldEvent): void {
    this.engine.dispatch(event);
    this.forwarding.configure(this.engine.world);
    this.instances.refresh();
    this.saveDesired();
  }

  saveDesired(): void {
    try {
      this.desired.write(this.engine.world);
    } catch (error) {
      this.problem(`the desired state cannot be written: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Applies every file again that services came from; one that is broken changes nothing. */
  reloadConfiguration(): void {
    const sources = [...this.engine.world.services.values()].flatMap(({ source }) => source ?? []);
    for (const source of new Set([...sources, ...this.desired.watched])) this.#files.apply(source);
  }

  /** Whether a file is applied again whenever it changes. */
  watchConfiguration(source: string | null, wanted: boolean): void {
    if (source === null || this.desired.watched.includes(source) === wanted) return;
    const others = this.desired.watched.filter((file) => file !== source);
    this.desired.watched = wanted ? [...others, source] : others;
    this.#files.watch(this.desired.watched);
    this.saveDesired();
  }

  /** Ends this supervisor for one of what is installed now; services notice nothing. */
  startAgain(): void {
    this.engine.record({ type: "upgrade_requested", version: this.options.version });
    this.options.onStartAgain();
  }

  /** Says what is wrong with the supervisor's own surroundings, not more than once a minute for each. */
  problem(sentence: string): void {
    this.#interpreter.problem(sentence);
  }

  /** What views of the present are made from. */
  viewSources(): ViewSources {
    const nowMs = this.kernel.nowMs();
    return { nowMs, wallAheadMs: this.#wallAheadMs, usage: ({ pid }) => this.usage.of(pid, nowMs) };
  }

  get recoveries(): number {
    return this.#journal.recoveries;
  }

  close(): void {
    this.#interpreter.close();
    this.forwarding.close();
    clearInterval(this.#clockWatch);
    this.#files.close();
    this.outputs.captures.close();
    this.events.flush();
    if (this.kernel.cgroupRoot !== undefined) this.kernel.removeGroup(this.kernel.cgroupRoot);
    closeFd(this.#lock);
  }

  /** On a full disk they are missing, and nothing else. */
  #writePids(): void {
    const { pidFile, keeperPidFile } = this.options.files;
    try {
      writePidFile(pidFile, process.pid);
      writePidFile(keeperPidFile, process.ppid);
    } catch (error) {
      this.problem(`the PID files cannot be written: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Tells the keeper that this version can recover. Only the file's size counts: a hole takes no room. */
  #mark(): void {
    closeSync(openSync(this.options.files.mark, "a"));
    truncateSync(this.options.files.mark, 1);
  }

  #createInterpreter(store: FdStore): Interpreter {
    const { files, registerPath, version } = this.options;
    const { kernel } = this;
    return new Interpreter({
      kernel,
      store,
      journal: this.#journal,
      events: this.events,
      outputs: this.outputs,
      listeners: this.listeners,
      isListenerKey: ServiceListeners.owns,
      probes: probesOf({
        kernel,
        ask: askingEach((run, address) => this.listeners.wayTo(run, address)),
        pastLines: (run, onLine) => this.outputs.past(run, onLine),
        isListening: (holding) => isListening(kernel.membersOf(holding)),
      }),
      homeId: files.id,
      version,
      notifyDirectory: files.notify,
      sharedNotifyPath: files.sharedNotify,
      isFallback: process.env.LARES_FALLBACK === "1",
      ownEnvironment: process.env,
      userOf,
      registerPath,
      trustedPids: () => [process.pid, process.ppid],
      beyond: (effect) => this.#performBeyond(effect),
    });
  }

  #performBeyond(effect: Parameters<Parts["beyond"]>[0]): void {
    switch (effect.do) {
      case "plan_schedule":
        void this.#planSchedule(effect.service);
        return;
      case "run_hook":
        runHook(effect, { world: this.engine.world, problem: (sentence) => this.problem(sentence) });
        return;
      case "finish":
        void this.outputs.captures.drained(drainMs).then(() => this.options.onFinished());
        return;
      default:
        assertNever(effect);
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

  /** A wall clock that was set moves the schedules that are told in it, and nothing else. */
  #watchClock(): void {
    const aheadMs = wallAheadMs();
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
}

/** How far the wall clock is ahead of the one that decisions are made by. */
function wallAheadMs(): number {
  return Math.round(Date.now() - monotonicMs());
}
