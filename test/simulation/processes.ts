import type { ProcessExit } from "../../src/supervisor/kernel.ts";
import type { Agenda } from "./agenda.ts";
import type { Description } from "./descriptors.ts";
import type { Random } from "./random.ts";

export const initPid = 1;
export const keeperPid = 2;
/** So few numbers that one is used again within a handful of starts. */
const pids = { first: 10, last: 29 } as const;

export interface Process {
  readonly pid: number;
  /** Unique: the clock ticks of the simulation are finer than its pids. */
  readonly startTime: string;
  /** The process group, which is that of whoever started it. */
  readonly group: number;
  readonly cgroup: string | undefined;
  /** `LARES_INSTANCE`; undefined for programs that Lares has nothing to do with. */
  readonly tag: string | undefined;
  /** Started by the supervisor, as against by a program. */
  readonly isMain: boolean;
  parent: number;
  state: "running" | "zombie" | "gone";
  exit?: ProcessExit;
  readonly fds: Map<number, Description>;
  /** What the program does when it gets a signal that can be handled. */
  onSignal?: (signal: string) => void;
}

/** All processes of the machine, with the rules by which they come and go. */
export class ProcessTable {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #byPid = new Map<number, Process>();
  #lastPid: number = pids.first - 1;
  #ticks = 0;

  constructor(agenda: Agenda, random: Random) {
    this.#agenda = agenda;
    this.#random = random;
  }

  get(pid: number): Process | undefined {
    return this.#byPid.get(pid);
  }

  all(): readonly Process[] {
    return [...this.#byPid.values()];
  }

  start(how: Partial<Pick<Process, "group" | "cgroup" | "tag" | "isMain">> & { readonly parent: number }): Process {
    const pid = this.#freePid();
    this.#ticks += 1;
    const process: Process = {
      group: pid,
      cgroup: undefined,
      tag: undefined,
      isMain: false,
      ...how,
      pid,
      startTime: String(this.#ticks),
      state: "running",
      fds: new Map(),
    };
    this.#byPid.set(pid, process);
    return process;
  }

  /** It ends: its descriptors are closed, its children go to the keeper, and its parent may ask how it ended. */
  end(process: Process, exit: ProcessExit): void {
    if (process.state !== "running") return;
    process.state = "zombie";
    process.exit = exit;
    for (const description of process.fds.values()) description.refs -= 1;
    process.fds.clear();
    this.orphan(process.pid);
    this.#reapIfAdopted(process);
  }

  /** The children of a process that is gone become the keeper's, which reaps at once, but not at the same moment. */
  orphan(parent: number): void {
    for (const child of this.#byPid.values()) {
      if (child.parent !== parent) continue;
      child.parent = keeperPid;
      this.#reapIfAdopted(child);
    }
  }

  reap(process: Process): void {
    if (process.state !== "zombie") return;
    process.state = "gone";
    this.#byPid.delete(process.pid);
  }

  #reapIfAdopted(process: Process): void {
    if (process.state !== "zombie" || (process.parent !== keeperPid && process.parent !== initPid)) return;
    this.#agenda.after(this.#random.int(0, 2), () => this.reap(process));
  }

  /** In turn, as Linux gives them; a number in use as a group is left out too. */
  #freePid(): number {
    const groups = new Set([...this.#byPid.values()].map(({ group }) => group));
    for (let tried = 0; tried <= pids.last - pids.first; tried += 1) {
      this.#lastPid = this.#lastPid >= pids.last ? pids.first : this.#lastPid + 1;
      if (!this.#byPid.has(this.#lastPid) && !groups.has(this.#lastPid)) return this.#lastPid;
    }
    throw new Error("the simulated machine has no pid left");
  }
}
