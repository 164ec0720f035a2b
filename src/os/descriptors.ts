/** What every descriptor has: flags, copies, an end. */
import { LaresError } from "../core/errors.ts";
import { check, libc, rawSyscall } from "./libc.ts";

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;
const CLOSE_RANGE_CLOEXEC = 4;

/** Runs `act`; a failed system call becomes a LaresError that says what could not be done. */
export function asIoError<Result>(what: string, act: () => Result): Result {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof LaresError) throw cause;
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new LaresError("io", `Cannot ${what}: ${reason}`, { cause });
  }
}

/** Closes a descriptor. */
export function closeFd(fd: number): void {
  asIoError(`close descriptor ${fd}`, () => check("close", libc.close(fd)));
}

/**
 * Copies a descriptor; the copy is closed on exec.
 *
 * @param atLeast The lowest number the copy may get.
 */
export function duplicate(fd: number, atLeast = 3): number {
  return asIoError(`copy descriptor ${fd}`, () => check("fcntl", libc.fcntl(fd, F_DUPFD_CLOEXEC, atLeast)));
}

/** Sets or clears `O_NONBLOCK`. It belongs to the open file description: every holder of a copy is affected. */
export function setNonBlocking(fd: number, on: boolean): void {
  changeFlag({ fd, on, flag: O_NONBLOCK, get: F_GETFL, set: F_SETFL });
}

/** Sets or clears close-on-exec of this one descriptor. */
export function setCloseOnExec(fd: number, on: boolean): void {
  changeFlag({ fd, on, flag: FD_CLOEXEC, get: F_GETFD, set: F_SETFD });
}

function changeFlag(change: { fd: number; on: boolean; flag: number; get: number; set: number }): void {
  const { fd, on, flag } = change;
  asIoError(`change the flags of descriptor ${fd}`, () => {
    const flags = check("fcntl", libc.fcntl(fd, change.get, 0));
    const wanted = on ? flags | flag : flags & ~flag;
    if (wanted !== flags) check("fcntl", libc.fcntl(fd, change.set, wanted));
  });
}

/**
 * Marks every descriptor from 3 on as close-on-exec. Call it once at the start: Node leaves inherited descriptors open,
 * and each would leak into every service. Linux 5.11.
 */
export function closeOnExecAll(): void {
  asIoError("mark inherited descriptors close-on-exec", () =>
    rawSyscall("close_range", 3, 0xffffffff, CLOSE_RANGE_CLOEXEC),
  );
}
