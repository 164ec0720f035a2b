import { join } from "node:path";
import type { World } from "../core/draft.ts";
import type { Effect, RunFact, RunId } from "../core/effects.ts";
import { assertNever, LaresError } from "../core/errors.ts";
import { findRun } from "../core/slot.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { formatInstanceTag, parseInstanceTag } from "../protocol/instance-tag.ts";
import type { FdStore } from "./fd-store.ts";
import { type HeldKind, type Holding, type OutputStream, parkKey, runKey, stopOngoing } from "./holding.ts";
import type { Kernel, NotifyDatagram } from "./kernel.ts";
import { argumentsOf, environmentOf, readinessFd } from "./launch-plan.ts";
import { notificationFrom } from "./notifications.ts";

/** What carrying out effects needs besides the kernel. */
export interface InstancesOptions {
  readonly kernel: Kernel;
  readonly store: Pick<FdStore, "park" | "forget">;
  readonly world: () => World;
  readonly report: (run: RunId, fact: RunFact) => void;
  readonly outputs: Outputs;
  readonly listeners: Listeners;
  readonly probes: Probes;
  readonly homeId: string;
  readonly notifyDirectory: string;
  /** Of runs that have no sd_notify socket of their own. */
  readonly sharedNotifyPath: string;
  readonly ownEnvironment: Readonly<Record<string, string | undefined>>;
  readonly userOf: (
    spec: ServiceSpec,
  ) => { readonly name: string; readonly home: string; readonly uid: number } | undefined;
  readonly registerPath: string | undefined;
  /** Processes whose word counts for any instance: the supervisor and its keeper (`systemd-notify` speaks for its parent). */
  readonly trustedPids: () => readonly number[];
  readonly problem: (message: string) => void;
}

/** Where the output of instances goes. */
export interface Outputs {
  open(
    run: RunId,
    stream: { readonly name: "stdout" | "stderr"; readonly fd: number; readonly spec: ServiceSpec },
  ): OutputStream;
  /** The last lines of a run, oldest first. */
  tail(run: RunId): readonly string[];
}

/** The sockets that services listen on; they belong to slots, not to runs. */
export interface Listeners {
  /** Descriptors in the order of the spec. @throws LaresError when one cannot be opened */
  open(spec: ServiceSpec, slot: number): readonly number[];
}

/** Asking a program from outside whether it works. Each answers at most once, and ends when told to. */
export interface Probes {
  untilReady(holding: Holding, spec: ServiceSpec, onReady: () => void): () => void;
  checkHealth(
    holding: Holding,
    spec: ServiceSpec,
    onAnswer: (answer: { ok: boolean; detail: string }) => void,
  ): () => void;
}

/** How often to look whether what a run left behind is gone. */
const clearingMs = 3;
const unknownExit = { code: null, signal: null, status: "unknown" } as const;

type RunEffect = Extract<Effect, { do: "spawn" | "await_ready" | "signal" | "clear" | "release" | "check_health" }>;

/**
 * Carries out what the core decides about runs, and reports what happens to them.
 *
 * The order of the steps in `spawn` is what makes a death of the supervisor at any of them harmless: what is created is
 * parked before the program exists, and the program carries its tag before it has a record.
 */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #held = new Map<string, Holding>();

  constructor(options: InstancesOptions) {
    this.#options = options;
  }

  get(run: RunId): Holding | undefined {
    return this.#held.get(runKey(run));
  }

  holdings(): readonly Holding[] {
    return [...this.#held.values()];
  }

  perform(effect: RunEffect): void {
    const { run } = effect;
    switch (effect.do) {
      case "spawn":
        this.#spawn(run);
        return;
      case "await_ready":
        this.#awaitReady(run);
        return;
      case "signal":
        this.#signal(run, effect.signal);
        return;
      case "clear":
        this.#clear(run, effect.signal);
        return;
      case "release":
        this.#release(run);
        return;
      case "check_health":
        this.#checkHealth(run);
        return;
      default:
        assertNever(effect);
    }
  }

  tagOf(run: RunId): string {
    return formatInstanceTag({ ...run, home: this.#options.homeId });
  }

  /** Takes a run up again: what was parked for it is ours, and its process is watched from now on. */
  adopt(
    run: RunId,
    found: { readonly fds: ReadonlyMap<HeldKind, number>; readonly process: Holding["process"] },
  ): Holding {
    const holding = this.#hold(run, new Map(found.fds));
    if (found.process) holding.process = found.process;
    this.#captureOutput(holding);
    this.#listenToNotifications(holding);
    return holding;
  }

  /** The run that carries a tag, while it is held. */
  byTag(tag: string): Holding | undefined {
    const { service, slot, generation } = parseInstanceTag(tag) ?? {};
    if (service === undefined || slot === undefined || generation === undefined) return undefined;
    const holding = this.get({ service, slot, generation });
    return holding?.tag === tag ? holding : undefined;
  }

  /** Takes what somebody said in the name of a run, if they may. */
  notified(holding: Holding, datagram: NotifyDatagram): void {
    const { kernel, report, problem } = this.#options;
    const spec = this.#specOf(holding.run);
    const trusted = { uid: spec && this.#options.userOf(spec)?.uid, pids: this.#options.trustedPids() };
    const heard = notificationFrom(datagram, { holding, kernel, trusted });
    if ("rejected" in heard) problem(`${runKey(holding.run)}: notification rejected: ${heard.rejected}`);
    else if (!heard.mainProcess || this.replaceProcess(holding, heard.mainProcess)) {
      report(holding.run, { type: "notified", message: heard });
    }
  }

  /** Parks what was opened anew for an adopted run. */
  parkAgain(holding: Holding): void {
    this.#parkAll(holding);
  }

  /** Watches the process of an adopted or fresh run for its end. */
  watchProcess(holding: Holding): void {
    const pidfd = holding.fds.get("pidfd");
    if (pidfd === undefined) return;
    const watch = this.#options.kernel.watch(pidfd, () => this.#onExit(holding));
    holding.ongoing.set("pidfd", () => watch.close());
  }

  /** Holds another process as the main one of a run (`MAINPID=`). */
  replaceProcess(holding: Holding, process: NonNullable<Holding["process"]>): boolean {
    const { kernel, store } = this.#options;
    const pidfd = kernel.openPidfd(process.pid);
    if (pidfd === undefined) return false;
    stopOngoing(holding, "pidfd");
    const old = holding.fds.get("pidfd");
    if (old !== undefined) kernel.close(old);
    holding.fds.set("pidfd", pidfd);
    holding.process = process;
    store.park([[parkKey(holding.run, "pidfd"), pidfd]]);
    this.watchProcess(holding);
    return true;
  }

  #spawn(run: RunId): void {
    const { kernel, store, listeners } = this.#options;
    const spec = this.#specOf(run);
    if (!spec || this.get(run)) return;
    let holding: Holding | undefined;
    const childEnds: number[] = [];
    try {
      const inherited = listeners.open(spec, run.slot);
      holding = this.#hold(run, new Map());
      const fds = this.#createEnds(holding, { spec, inherited, childEnds });
      this.#parkAll(holding);
      const pid = kernel.spawn(this.#launch(holding, { spec, fds }));
      this.#spawned(holding, pid);
    } catch (error) {
      if (!(error instanceof LaresError)) throw error;
      if (holding) this.#drop(holding);
      store.forget([]);
      this.#options.report(run, { type: "spawn_failed", error: messageOf(error) });
    } finally {
      for (const fd of childEnds) kernel.close(fd);
    }
  }

  #spawned(holding: Holding, pid: number): void {
    const { kernel, store, report } = this.#options;
    const { run } = holding;
    const pidfd = kernel.openPidfd(pid);
    const startTime = kernel.startTimeOf(pid);
    if (pidfd === undefined || startTime === undefined) {
      throw new LaresError("spawn_failed", `Cannot watch process ${pid} of ${runKey(run)}: it is gone already`);
    }
    holding.process = { pid, startTime };
    holding.fds.set("pidfd", pidfd);
    store.park([[parkKey(run, "pidfd"), pidfd]]);
    this.#captureOutput(holding);
    this.#listenToNotifications(holding);
    report(run, { type: "spawned", process: holding.process });
    this.watchProcess(holding);
  }

  /** Creates what connects us with the program: our ends go to the holding, the program's are returned as 1, 2, 3 … */
  #createEnds(
    holding: Holding,
    made: { spec: ServiceSpec; inherited: readonly number[]; childEnds: number[] },
  ): number[] {
    const { kernel } = this.#options;
    const { spec, childEnds } = made;
    const pipe = (kind: HeldKind) => {
      const { readEnd, writeEnd } = kernel.createPipe();
      holding.fds.set(kind, readEnd);
      childEnds.push(writeEnd);
      return writeEnd;
    };
    const fds = [pipe("stdout"), pipe("stderr"), ...made.inherited];
    const readiness = readinessFd(spec);
    if (readiness !== undefined) {
      const end = pipe("ready");
      // Descriptors have no gaps: what is between repeats the program's stderr.
      while (fds.length < readiness - 1) fds.push(fds[1] as number);
      fds[readiness - 1] = end;
    }
    if (hasOwnNotify(spec)) holding.fds.set("notify", kernel.bindNotify(this.#ownNotifyPath(holding.run), { spec }));
    return fds;
  }

  #launch({ run, tag, group }: Holding, { spec, fds }: { spec: ServiceSpec; fds: readonly number[] }) {
    const { ownEnvironment: own, userOf, registerPath } = this.#options;
    const env = environmentOf({
      spec,
      run,
      own,
      user: userOf(spec),
      tag,
      notifySocket: hasOwnNotify(spec) ? this.#ownNotifyPath(run) : this.#options.sharedNotifyPath,
    });
    return { spec, argv: argumentsOf(spec, registerPath), env, fds, group, listenPid: spec.listen.length > 0 };
  }

  #captureOutput(holding: Holding): void {
    const spec = this.#specOf(holding.run);
    if (!spec) return;
    for (const name of ["stdout", "stderr"] as const) {
      const fd = holding.fds.get(name);
      if (fd === undefined) continue;
      // From here on the capture owns the descriptor.
      holding.fds.delete(name);
      holding[name] = this.#options.outputs.open(holding.run, { name, fd, spec });
    }
  }

  #listenToNotifications(holding: Holding): void {
    const { kernel } = this.#options;
    const fd = holding.fds.get("notify");
    if (fd === undefined) return;
    const watch = kernel.watch(fd, () => {
      for (let datagram = kernel.receiveNotify(fd); datagram; datagram = kernel.receiveNotify(fd))
        this.notified(holding, datagram);
    });
    holding.ongoing.set("notify", () => watch.close());
  }

  #awaitReady(run: RunId): void {
    const holding = this.get(run);
    const spec = this.#specOf(run);
    if (!holding || !spec) return;
    stopOngoing(holding, "ready");
    const ready = () => {
      stopOngoing(holding, "ready");
      this.#options.report(run, { type: "became_ready" });
    };
    holding.ongoing.set("ready", this.#options.probes.untilReady(holding, spec, ready));
  }

  #checkHealth(run: RunId): void {
    const holding = this.get(run);
    const spec = this.#specOf(run);
    if (!holding || !spec) return;
    stopOngoing(holding, "health");
    const answered = (answer: { ok: boolean; detail: string }) => {
      stopOngoing(holding, "health");
      this.#options.report(run, { type: "health_checked", ...answer });
    };
    holding.ongoing.set("health", this.#options.probes.checkHealth(holding, spec, answered));
  }

  #signal(run: RunId, signal: string): void {
    const { kernel, report } = this.#options;
    const pidfd = this.get(run)?.fds.get("pidfd");
    if (pidfd === undefined) return;
    kernel.signal(pidfd, signal);
    // A stopped program would never see it.
    if (signal !== "SIGKILL" && signal !== "SIGSTOP") kernel.signal(pidfd, "SIGCONT");
    report(run, { type: "signalled" });
  }

  #onExit(holding: Holding): void {
    const { kernel, outputs, report } = this.#options;
    const pidfd = holding.fds.get("pidfd");
    if (pidfd === undefined || !holding.process) return;
    const exit = kernel.exitOf(pidfd, holding.process.pid);
    // Readable but not reaped yet: its parent is the keeper, which is about to.
    if (exit === "running") return;
    for (const name of [...holding.ongoing.keys()]) stopOngoing(holding, name);
    this.#listenToNotifications(holding);
    holding.stdout?.drain();
    holding.stderr?.drain();
    const known = exit === "unknown" ? unknownExit : ({ ...exit, status: "known" } as const);
    const failed = known.code !== 0;
    report(holding.run, { type: "exited", exit: known, ...(failed && { tail: outputs.tail(holding.run) }) });
  }

  /** The main process is gone; nothing that it started may outlive it. */
  #clear(run: RunId, signal: string): void {
    const { kernel, report } = this.#options;
    const holding = this.get(run);
    if (!holding) {
      report(run, { type: "cleared" });
      return;
    }
    stopOngoing(holding, "clear");
    const remains = { pid: holding.process?.pid ?? 0, tag: holding.tag, group: holding.group };
    if (!kernel.hasLeftovers(remains)) {
      report(run, { type: "cleared" });
      return;
    }
    kernel.signalLeftovers(remains, signal);
    const look = () => {
      if (!kernel.hasLeftovers(remains)) {
        holding.ongoing.delete("clear");
        report(run, { type: "cleared" });
        return;
      }
      // What it started may have started more in the meantime.
      if (signal === "SIGKILL") kernel.signalLeftovers(remains, signal);
      holding.ongoing.set("clear", kernel.later(clearingMs, look));
    };
    holding.ongoing.set("clear", kernel.later(1, look));
  }

  /** Later in the same turn of the loop: a successor that is to be started does not wait for the tidying. */
  #release(run: RunId): void {
    const holding = this.get(run);
    if (!holding) return;
    this.#held.delete(runKey(run));
    this.#options.kernel.later(0, () => this.#drop(holding));
  }

  #drop(holding: Holding): void {
    const { kernel, store } = this.#options;
    for (const name of [...holding.ongoing.keys()]) stopOngoing(holding, name);
    const kinds: readonly HeldKind[] = ["pidfd", "stdout", "stderr", "notify", "ready"];
    store.forget(kinds.map((kind) => parkKey(holding.run, kind)));
    holding.stdout?.end();
    holding.stderr?.end();
    for (const fd of holding.fds.values()) kernel.close(fd);
    if (holding.fds.has("notify")) kernel.removeNotify(this.#ownNotifyPath(holding.run));
    if (holding.group !== undefined) kernel.removeGroup(holding.group);
    this.#held.delete(runKey(holding.run));
  }

  #hold(run: RunId, fds: Map<HeldKind, number>): Holding {
    const group = this.#options.kernel.createGroup(`${run.service}.${run.slot}.${run.generation}`);
    const holding: Holding = { run, tag: this.tagOf(run), fds, group, ongoing: new Map() };
    this.#held.set(runKey(run), holding);
    return holding;
  }

  #parkAll({ run, fds }: Holding): void {
    const entries = [...fds].map(([kind, fd]) => [parkKey(run, kind), fd] as const);
    if (this.#options.store.park(entries)) return;
    this.#options.problem(
      `${runKey(run)}: no room to park its descriptors; its output would not survive a restart of Lares`,
    );
  }

  #ownNotifyPath(run: RunId): string {
    return join(this.#options.notifyDirectory, `${run.service}.${run.slot}.${run.generation}`);
  }

  /** The definition a run was started from, as long as it exists. */
  #specOf({ service, slot, generation }: RunId): ServiceSpec | undefined {
    const known = this.#options.world().services.get(service);
    const place = known?.slots.find((one) => one.slot === slot);
    return place && findRun(place, generation) ? known?.spec : undefined;
  }
}

function messageOf(error: LaresError): string {
  return error.hint ? `${error.message} (${error.hint})` : error.message;
}

/** Whether it matters who exactly speaks: readiness, reloads and the watchdog are decided by what is said. */
function hasOwnNotify({ ready, watchdogMs, reload }: ServiceSpec): boolean {
  return ready.by === "notify" || watchdogMs !== undefined || reload.style === "signal";
}
