import type { ServiceSpec } from "../core/spec.ts";

/**
 * Everything the supervisor asks of the machine while it carries out effects. The simulation has another one, so what is
 * not behind this seam cannot be tried there.
 *
 * Descriptors are numbers and belong to the caller, who closes them. Watches are closed before their descriptor.
 */
export interface Kernel {
  nowMs(): number;
  /** Runs `act` after some milliseconds, 0 in the next turn of the loop; the answer cancels it. */
  later(delayMs: number, act: () => void): () => void;
  close(fd: number): void;
  /** The writer's end keeps the pipe alive even when every reader is gone. */
  createPipe(): PipeEnds;
  /** The reading end of a pipe that a living process has as its descriptor `fd`; undefined where it cannot be had. */
  reopenPipe(pid: number, fd: number): number | undefined;
  /** An sd_notify socket, writable by the user that a service runs as, or as `mode` says. */
  bindNotify(path: string, access: { readonly spec: ServiceSpec } | { readonly mode: number }): number;
  removeNotify(path: string): void;
  /** The next message; one that is only looked at stays in the queue. */
  receiveNotify(fd: number, options: { readonly peek: boolean }): NotifyDatagram | undefined;
  watch(fd: number, onReadable: () => void): { close(): void };
  /** Reads what a pipe has now: undefined when there is nothing, empty at its end. */
  read(fd: number): Uint8Array | undefined;
  /** The same, and leaves it in the pipe. */
  look(fd: number): Uint8Array | undefined;

  /**
   * Starts a program and holds it; one that cannot be held is ended before anybody hears of it.
   *
   * @throws LaresError `spawn_failed`, `not_permitted` or `io`
   */
  spawn(launch: Launch): Spawned;
  /** Whether a program was started under this mark, however soon it has ended. */
  wasStarted(mark: string): boolean;
  /** The names of runs whose marks are there. */
  marks(): readonly string[];
  removeMark(mark: string): void;
  startTimeOf(pid: number): string | undefined;
  openPidfd(pid: number): number | undefined;
  /** False when it is already dead. */
  signal(pidfd: number, signal: string): boolean;
  /** Reaps it where it is our child. */
  exitOf(pidfd: number, pid: number): ProcessExit | "running" | "unknown";
  /** The `LARES_INSTANCE` of a living process. */
  tagOf(pid: number): string | undefined;
  /** The session of a process. Every program that the supervisor starts leads one, so this is its pid. */
  sessionOf(pid: number): number | undefined;
  /** Processes that carry this value in `LARES_INSTANCE`. */
  findTagged(tag: string): readonly number[];
  /** All tags of a home, with the processes that carry them. */
  tagsOf(homeId: string): ReadonlyMap<string, readonly number[]>;

  /** A cgroup for one run; undefined where the host gives none. */
  createGroup(name: string): string | undefined;
  removeGroup(group: string): void;
  /** Puts the limits of a service in force for a group, and lifts those it no longer has. */
  limitGroup(group: string, spec: ServiceSpec): void;
  /** Whether anything that the run started is still alive. */
  hasLeftovers(remains: Remains): boolean;
  signalLeftovers(remains: Remains, signal: string): void;
  /** The processes of a run that lives, as far as they can be known. */
  membersOf(remains: {
    readonly process?: { readonly pid: number };
    readonly group: string | undefined;
  }): readonly number[];
  /** Whether a living process was started by the run. */
  isPartOf(pid: number, remains: Remains): boolean;
}

export interface PipeEnds {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** A process that was just started. */
export interface Spawned {
  readonly pid: number;
  readonly startTime: string;
  readonly pidfd: number;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface NotifyDatagram {
  readonly data: Uint8Array;
  readonly truncated: boolean;
  readonly credentials?: { readonly pid: number; readonly uid: number };
  /** Already closed by the kernel door; only their number matters here. */
  readonly descriptors: number;
}

/** A program ready to be started. */
export interface Launch {
  readonly spec: ServiceSpec;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Descriptor i + 1 of the program is ours `fds[i]`; 0 is /dev/null. */
  readonly fds: readonly number[];
  readonly group: string | undefined;
  /** What its process leaves before it becomes the program, for a supervisor that never heard of it. */
  readonly mark: string;
  /** Listeners are passed, so `LISTEN_PID` has to name the program itself. */
  readonly listenPid: boolean;
}

/** By what the leftovers of a run are found. */
export interface Remains {
  /** Its process group too, unless another process has got that number since; 0 where it is not known. */
  readonly pid: number;
  readonly startTime: string | undefined;
  readonly tag: string;
  readonly group: string | undefined;
}
