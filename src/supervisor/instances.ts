import type { Effect, RunFact, RunId } from "../core/effects.ts";
import { assertNever, LaresError } from "../core/errors.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { NotRunnable } from "../os/program.ts";
import { parseInstanceTag } from "../protocol/instance-tag.ts";
import { drainAll, type HeldKind, type Holding, noteOf, parkKey, runKey, stopOngoing } from "./holding.ts";
import type { InstancesOptions } from "./instances-options.ts";
import type { NotifyDatagram, Spawned } from "./kernel.ts";
import { clearLeftovers } from "./leftovers.ts";
import { hearAll, notificationFrom } from "./notifications.ts";
import { isStopped, specOf } from "./run-lookup.ts";
import { RunResources } from "./run-resources.ts";

const unknownExit = { code: null, signal: null, status: "unknown" } as const;

type RunEffect = Extract<Effect, { do: "spawn" | "await_ready" | "signal" | "clear" | "release" | "check_health" }>;

interface Asked {
  readonly holding: Holding;
  readonly spec: ServiceSpec;
  readonly answered: (fact: RunFact) => void;
}

/**
 * Carries out what the core decides about runs, and reports what happens to them.
 *
 * The order of the steps in `spawn` is what makes a death of the supervisor at any of them harmless: what is created is
 * parked before the program exists, and the program carries its tag before it has a record.
 */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #resources: RunResources;
  readonly #held = new Map<string, Holding>();
  /** Released, and given back in a moment. */
  readonly #leaving = new Map<string, Holding>();

  constructor(options: InstancesOptions) {
    this.#options = options;
    this.#resources = new RunResources(options);
  }

  get(run: RunId): Holding | undefined {
    return this.#held.get(runKey(run));
  }

  holdings(): readonly Holding[] {
    return [...this.#held.values()];
  }

  perform(effect: RunEffect): void {
    const { run } = effect;
    const { probes } = this.#options;
    switch (effect.do) {
      case "spawn":
        this.#spawn(run);
        return;
      case "await_ready":
        this.#ask(run, "ready", ({ holding, spec, answered }) =>
          probes.untilReady(holding, spec, () => answered({ type: "became_ready" })),
        );
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
        this.#ask(run, "health", ({ holding, spec, answered }) =>
          probes.checkHealth(holding, spec, (answer) => answered({ type: "health_checked", ...answer })),
        );
        return;
      default:
        assertNever(effect);
    }
  }

  tagOf(run: RunId): string {
    return this.#resources.tagOf(run);
  }

  /** Takes a run up again with what was parked for it. Its process is not watched yet. */
  adopt(
    run: RunId,
    found: {
      readonly fds: ReadonlyMap<HeldKind, number>;
      readonly process: Holding["process"];
      readonly parked: boolean;
    },
  ): { readonly holding: Holding; readonly lost: readonly string[] } {
    const holding = this.#hold(run, found.fds, true);
    if (found.process) holding.process = found.process;
    const spec = this.#specOf(run);
    const lost = !found.parked && spec ? this.#resources.regain(holding, spec) : [];
    if (!found.parked) this.#resources.park(holding);
    this.#captureOutput(holding);
    this.#listenToNotifications(holding);
    return { holding, lost };
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

  /** Gives what runs the limits that its definition has now; they need no restart. */
  refresh(): void {
    for (const holding of this.#held.values()) {
      const spec = this.#specOf(holding.run);
      if (!spec || spec === holding.spec) continue;
      holding.spec = spec;
      holding.stdout?.setLimits(spec.log);
      holding.stderr?.setLimits(spec.log);
      if (holding.group !== undefined) this.#options.kernel.limitGroup(holding.group, spec);
    }
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
    store.park([[parkKey(holding.run, "pidfd"), pidfd, noteOf(process)]]);
    this.watchProcess(holding);
    return true;
  }

  #spawn(run: RunId): void {
    const { kernel, listeners } = this.#options;
    const spec = this.#specOf(run);
    if (!spec || this.get(run)) return;
    this.#giveBackLeaving(run);
    if (isStopped(this.#options.world(), run)) {
      this.#options.report(run, { type: "spawn_lost" });
      return;
    }
    let holding: Holding | undefined;
    const childEnds: number[] = [];
    try {
      const inherited = listeners.open(spec, run);
      holding = this.#hold(run, new Map(), false);
      const fds = this.#resources.createEnds(holding, { spec, inherited, childEnds });
      this.#resources.park(holding);
      this.#spawned(holding, kernel.spawn(this.#resources.launchOf(holding, { spec, fds })));
    } catch (error) {
      if (!(error instanceof LaresError)) throw error;
      if (holding) this.drop(holding);
      const lasting = error instanceof NotRunnable || error.code === "invalid_configuration";
      this.#options.report(run, { type: "spawn_failed", error: messageOf(error), ...(lasting && { lasting }) });
    } finally {
      for (const fd of childEnds) kernel.close(fd);
    }
  }

  #spawned(holding: Holding, { pid, startTime, pidfd }: Spawned): void {
    const { store, report } = this.#options;
    const { run } = holding;
    holding.process = { pid, startTime };
    holding.fds.set("pidfd", pidfd);
    store.park([[parkKey(run, "pidfd"), pidfd, noteOf(holding.process)]]);
    this.#captureOutput(holding);
    this.#listenToNotifications(holding);
    report(run, { type: "spawned", process: holding.process });
    this.watchProcess(holding);
  }

  #captureOutput(holding: Holding): void {
    // Of a run that is forgotten already, only what it wrote is left.
    const spec = this.#specOf(holding.run) ?? this.#options.world().services.get(holding.run.service)?.spec;
    if (!spec) return;
    for (const name of ["stdout", "stderr"] as const) {
      const fd = holding.fds.get(name);
      if (fd === undefined) continue;
      // From here on the capture owns the descriptor.
      holding.fds.delete(name);
      // What is closed must not be parked again: its number soon means something else.
      const onEnd = () => this.#options.store.forget([parkKey(holding.run, name)]);
      holding[name] = this.#options.outputs.open(holding.run, { name, fd, spec, onEnd });
    }
  }

  #listenToNotifications(holding: Holding): void {
    const { kernel } = this.#options;
    const fd = holding.fds.get("notify");
    if (fd === undefined) return;
    const watch = kernel.watch(fd, () => hearAll(kernel, fd, (datagram) => this.notified(holding, datagram)));
    holding.ongoing.set("notify", () => watch.close());
  }

  /** Asks a program something, instead of what it was asked before. */
  #ask(run: RunId, what: "ready" | "health", begin: (asked: Asked) => () => void): void {
    const holding = this.get(run);
    const spec = this.#specOf(run);
    if (!holding || !spec) return;
    stopOngoing(holding, what);
    const answered = (fact: RunFact) => {
      stopOngoing(holding, what);
      this.#options.report(run, fact);
    };
    holding.ongoing.set(what, begin({ holding, spec, answered }));
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
    const known = exit === "unknown" ? unknownExit : ({ ...exit, status: "known" } as const);
    const failed = known.code !== 0;
    // Whoever hears of the end finds what was written until then.
    drainAll(holding, () =>
      report(holding.run, { type: "exited", exit: known, ...(failed && { tail: outputs.tail(holding.run) }) }),
    );
  }

  /** The main process is gone; nothing that it started may outlive it. */
  #clear(run: RunId, signal: string): void {
    const { kernel, report } = this.#options;
    const cleared = () => report(run, { type: "cleared" });
    const holding = this.get(run);
    if (holding) clearLeftovers(holding, { signal, kernel, cleared });
    else cleared();
  }

  /** Later in the same turn of the loop: a successor that is to be started does not wait for the tidying. */
  #release(run: RunId): void {
    const holding = this.get(run);
    if (!holding) return;
    this.#held.delete(runKey(run));
    this.#leaving.set(runKey(run), holding);
    this.#options.kernel.later(0, () => this.#giveBackLeaving(run));
  }

  /** Also before a run of the same name begins, whose descriptors and cgroup would be taken for the old one's. */
  #giveBackLeaving(run: RunId): void {
    const holding = this.#leaving.get(runKey(run));
    if (!holding) return;
    this.#leaving.delete(runKey(run));
    this.#resources.giveBack(holding);
  }

  /** Nothing runs: keeps what was written, and gives everything back. */
  drop(holding: Holding): void {
    this.#captureOutput(holding);
    this.#held.delete(runKey(holding.run));
    this.#resources.giveBack(holding);
  }

  #hold(run: RunId, fds: ReadonlyMap<HeldKind, number>, isAdopted: boolean): Holding {
    const holding = this.#resources.hold(run, fds, isAdopted);
    const spec = this.#specOf(run);
    if (spec) holding.spec = spec;
    this.#held.set(runKey(run), holding);
    return holding;
  }

  #specOf(run: RunId): ServiceSpec | undefined {
    return specOf(this.#options.world(), run);
  }
}

function messageOf(error: LaresError): string {
  return error.hint ? `${error.message} (${error.hint})` : error.message;
}
