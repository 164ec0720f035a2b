/** Processes by descriptor: a pidfd always means the one process it was opened for, never a recycled pid. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { LaresError } from "../core/errors.ts";
import { asIoError } from "./descriptors.ts";
import { check, errnoOf, libc, rawSyscall } from "./libc.ts";
import { statFields } from "./processes.ts";

const WNOHANG = 1;
/** `_IOWR(0xFF, 11, struct pidfd_info)` with its first, 64 byte long layout. */
const PIDFD_GET_INFO = 0xc040ff0b;
const PIDFD_INFO_PID = 1;
const PIDFD_INFO_EXIT = 8;
const OFFSET_EXIT_STATUS = 60;
const SIGRTMIN = 34;

/** How a process ended: exactly one of the two is set. */
export interface ExitStatus {
  readonly code: number | null;
  /** For example `SIGKILL`, or `SIGRTMIN+3`. */
  readonly signal: string | null;
}

/** Opens a descriptor for a process (close-on-exec). Undefined when there is no such process. Linux 5.3. */
export function openPidfd(pid: number): number | undefined {
  return unlessGone(`watch process ${pid}`, () => rawSyscall("pidfd_open", pid, 0));
}

/** Sends a signal to exactly that process. Returns false when it is already dead. */
export function signalPidfd(pidfd: number, signal: string | number): boolean {
  const number = signalNumber(signal);
  const sent = unlessGone(`send ${signal}`, () => rawSyscall("pidfd_send_signal", pidfd, number, 0, 0));
  return sent !== undefined;
}

/** Sends a signal to every process of a group. Returns false when nobody is left in it. */
export function signalGroup(pgid: number, signal: string | number): boolean {
  if (pgid <= 1) throw new LaresError("io", `Cannot send ${signal} to process group ${pgid}: it is nobody's`);
  const number = signalNumber(signal);
  return unlessGone(`send ${signal} to group ${pgid}`, () => process.kill(-pgid, number)) !== undefined;
}

/**
 * Takes the exit status of our own child, without waiting.
 *
 * @returns undefined while it runs; `not_child` when somebody else is its parent or it was reaped: see `exitOf`.
 */
export function reap(pid: number): ExitStatus | "not_child" | undefined {
  const status = Buffer.alloc(4);
  try {
    const reaped = check("waitpid", libc.waitpid(pid, status, WNOHANG));
    return reaped === 0 ? undefined : decodeWaitStatus(status.readInt32LE(0));
  } catch (error) {
    if (errnoOf(error) === "ECHILD") return "not_child";
    throw error;
  }
}

/**
 * How a process that is not our child ended.
 *
 * @returns `unknown` when it is dead and this kernel cannot say how (Linux < 6.15, or the pidfd was opened too late).
 */
export function exitOf(pidfd: number): ExitStatus | "running" | "unknown" {
  const info = Buffer.alloc(64);
  info.writeBigUInt64LE(BigInt(PIDFD_INFO_PID | PIDFD_INFO_EXIT));
  const answered = libc.ioctl(pidfd, PIDFD_GET_INFO, info) === 0;
  if (answered && (info.readUInt32LE(0) & PIDFD_INFO_EXIT) !== 0) {
    return decodeWaitStatus(info.readInt32LE(OFFSET_EXIT_STATUS));
  }
  return exitOfUnreaped(pidfd);
}

/** A zombie's status is in field 52 of its stat file; the kernel files it under the pidfd only after it is reaped. */
function exitOfUnreaped(pidfd: number): ExitStatus | "running" | "unknown" {
  const pid = Number(/^Pid:\s+(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, "utf8"))?.[1]);
  const stat = pid > 0 ? statFields(pid) : undefined;
  // The pid may have been recycled between the two reads, so ask the pidfd again whether it still has a process.
  if (stat === undefined || !signalPidfd(pidfd, 0)) return "unknown";
  if (stat.state !== "Z" && stat.state !== "X") return "running";
  return stat.exitStatus === undefined ? "unknown" : decodeWaitStatus(stat.exitStatus);
}

/** Reads the status word of wait(2). */
export function decodeWaitStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff, signal: null } : { code: null, signal: signalName(signal) };
}

const signalNames = new Map<number, string>();
for (const [name, number] of Object.entries(constants.signals)) {
  if (!signalNames.has(number)) signalNames.set(number, name);
}

/** The name of a signal, for example `SIGTERM`. */
export function signalName(number: number): string {
  const name = signalNames.get(number);
  if (name !== undefined) return name;
  return number === SIGRTMIN ? "SIGRTMIN" : `SIGRTMIN+${number - SIGRTMIN}`;
}

/**
 * The number of a signal given as `SIGTERM`, `TERM`, `SIGRTMIN+3` or a number.
 *
 * @throws LaresError `usage` when there is no such signal.
 */
export function signalNumber(signal: string | number): number {
  if (typeof signal === "number") return signal;
  const name = signal.startsWith("SIG") ? signal : `SIG${signal}`;
  const realTime = /^SIGRTMIN(?:\+(\d+))?$/.exec(name);
  const number = realTime ? SIGRTMIN + Number(realTime[1] ?? 0) : (constants.signals as Record<string, number>)[name];
  if (number === undefined || number > 64) {
    throw new LaresError("usage", `Cannot send "${signal}": there is no such signal`, {
      hint: "Run `kill -l` to see the names.",
    });
  }
  return number;
}

/** Undefined when the process is gone; any other refusal is an error. */
function unlessGone<Result>(what: string, act: () => Result): Result | undefined {
  try {
    return act();
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === "ESRCH") return undefined;
    if (code === "EPERM")
      throw new LaresError("not_permitted", `Cannot ${what}: the process is another user's`, { cause });
    return asIoError(what, () => {
      throw cause;
    });
  }
}
