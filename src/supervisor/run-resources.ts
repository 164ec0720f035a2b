import { join } from "node:path";
import type { RunId } from "../core/effects.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { formatInstanceTag } from "../protocol/instance-tag.ts";
import type { FdStore, Parked } from "./fd-store.ts";
import { type HeldKind, type Holding, heldKinds, noteOf, parkKey, runKey, stopOngoing } from "./holding.ts";
import type { Kernel, Launch } from "./kernel.ts";
import { argumentsOf, environmentOf, readinessFd } from "./launch-plan.ts";

export interface RunResourcesOptions {
  readonly kernel: Kernel;
  readonly store: Pick<FdStore, "park" | "forget">;
  readonly homeId: string;
  readonly notifyDirectory: string;
  /** Of runs that have no sd_notify socket of their own. */
  readonly sharedNotifyPath: string;
  readonly ownEnvironment: Readonly<Record<string, string | undefined>>;
  readonly userOf: (
    spec: ServiceSpec,
  ) => { readonly name: string; readonly home: string; readonly uid: number } | undefined;
  readonly registerPath: string | undefined;
  readonly problem: (message: string) => void;
}

/** What connects the supervisor with a run: pipes, sockets, a cgroup; made, parked, found again and given back here. */
export class RunResources {
  readonly #options: RunResourcesOptions;

  constructor(options: RunResourcesOptions) {
    this.#options = options;
  }

  tagOf(run: RunId): string {
    return formatInstanceTag({ ...run, home: this.#options.homeId });
  }

  /** A holding with what is there already; its cgroup is made if it is not. */
  hold(run: RunId, fds: ReadonlyMap<HeldKind, number>, isAdopted: boolean): Holding {
    const group = this.#options.kernel.createGroup(fileNameOf(run));
    return { run, tag: this.tagOf(run), fds: new Map(fds), group, isAdopted, ongoing: new Map() };
  }

  /** Creates what connects us with a program: our ends go to the holding, the program's are returned as 1, 2, 3 … */
  createEnds(
    holding: Holding,
    made: { readonly spec: ServiceSpec; readonly inherited: readonly number[]; readonly childEnds: number[] },
  ): number[] {
    const { kernel } = this.#options;
    const { spec, childEnds } = made;
    const pipe = (kind: HeldKind) => {
      const { readEnd, writeEnd } = kernel.createPipe();
      holding.fds.set(kind, readEnd);
      childEnds.push(writeEnd);
      return writeEnd;
    };
    const stderr = pipe("stderr");
    const fds = [pipe("stdout"), stderr, ...made.inherited];
    const readiness = readinessFd(spec);
    if (readiness !== undefined) {
      // Descriptors have no gaps: what is between repeats the program's stderr.
      while (fds.length < readiness - 1) fds.push(stderr);
      fds[readiness - 1] = pipe("ready");
    }
    if (hasOwnNotify(spec)) holding.fds.set("notify", kernel.bindNotify(this.#ownNotifyPath(holding.run), { spec }));
    return fds;
  }

  launchOf({ run, tag, group }: Holding, { spec, fds }: { spec: ServiceSpec; fds: readonly number[] }): Launch {
    const { ownEnvironment: own, userOf, registerPath, sharedNotifyPath } = this.#options;
    const notifySocket = hasOwnNotify(spec) ? this.#ownNotifyPath(run) : sharedNotifyPath;
    const env = environmentOf({ spec, run, own, user: userOf(spec), tag, notifySocket });
    const argv = argumentsOf(spec, registerPath);
    return { spec, argv, env, fds, group, mark: fileNameOf(run), listenPid: spec.listen.length > 0 };
  }

  /** Parks everything that is held and not captured yet. */
  park({ run, fds, process }: Holding): void {
    const note = process && noteOf(process);
    const entries = [...fds].map(
      ([kind, fd]): Parked => (kind === "pidfd" && note ? [parkKey(run, kind), fd, note] : [parkKey(run, kind), fd]),
    );
    if (this.#options.store.park(entries)) return;
    const lost = "its output would not survive a restart of Lares";
    this.#options.problem(`${runKey(run)}: no room to park its descriptors; ${lost}`);
  }

  /**
   * Gets back what the store lost because the keeper died as well: the program has the other ends.
   *
   * @returns what could not be had, as words for a sentence.
   */
  regain(holding: Holding, spec: ServiceSpec): readonly string[] {
    const { kernel } = this.#options;
    const { run, fds, process } = holding;
    if (!process) return [];
    const wanted = [
      ["stdout", 1],
      ["stderr", 2],
      ["ready", readinessFd(spec)],
    ] as const;
    for (const [kind, number] of wanted) {
      const fd = number === undefined || fds.has(kind) ? undefined : kernel.reopenPipe(process.pid, number);
      if (fd !== undefined) fds.set(kind, fd);
    }
    if (hasOwnNotify(spec) && !fds.has("notify"))
      fds.set("notify", kernel.bindNotify(this.#ownNotifyPath(run), { spec }));
    return (["stdout", "stderr"] as const).filter((kind) => !fds.has(kind));
  }

  /** Gives everything back; whatever is left in the pipes goes to the files first. */
  giveBack(holding: Holding): void {
    const { kernel, store } = this.#options;
    for (const name of [...holding.ongoing.keys()]) stopOngoing(holding, name);
    // A stream stays parked until everything of it is written, which may be later.
    const isStream = (kind: HeldKind) => (kind === "stdout" || kind === "stderr") && holding[kind] !== undefined;
    store.forget(heldKinds.filter((kind) => !isStream(kind)).map((kind) => parkKey(holding.run, kind)));
    holding.stdout?.end();
    holding.stderr?.end();
    for (const fd of holding.fds.values()) kernel.close(fd);
    if (holding.fds.has("notify")) kernel.removeNotify(this.#ownNotifyPath(holding.run));
    if (holding.group !== undefined) kernel.removeGroup(holding.group);
    kernel.removeMark(fileNameOf(holding.run));
  }

  #ownNotifyPath(run: RunId): string {
    return join(this.#options.notifyDirectory, fileNameOf(run));
  }
}

/** What is a run's own in a directory of all. */
export function fileNameOf({ service, slot, generation }: RunId): string {
  return `${service}.${slot}.${generation}`;
}

/** Whether it matters who exactly speaks: readiness, reloads and the watchdog are decided by what is said. */
function hasOwnNotify({ ready, watchdogMs, reload }: ServiceSpec): boolean {
  return ready.by === "notify" || watchdogMs !== undefined || reload.style === "signal";
}
