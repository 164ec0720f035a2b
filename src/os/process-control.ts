/** What this process does to itself: its place in the tree, its limits, its replacement, its lock. */
import { constants as fsConstants, openSync } from "node:fs";
import { constants } from "node:os";
import { LaresError } from "../core/errors.ts";
import { asIoError, closeFd, setCloseOnExec } from "./descriptors.ts";
import { check, errnoOf, lastErrno, libc, O_CLOEXEC, rawSyscall, SystemError } from "./libc.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const RLIMIT_NOFILE = 7;
const LOCK_EX = 2;
const LOCK_NB = 4;
const MFD_CLOEXEC = 1;
const SIG_DFL = 0;
const SIG_IGN = 1;

/** Makes orphaned descendants children of this process. The attribute survives execve. */
export function becomeSubreaper(): void {
  asIoError("become a subreaper", () => check("prctl", libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)));
}

/** Raises the soft limit of open files to the hard one. Returns the limit now in force. */
export function raiseFileLimit(): number {
  const { soft, hard } = fileLimits();
  if (soft < hard) setFileLimits({ soft: hard, hard });
  return hard;
}

/**
 * Raises the hard limit of open files where it is below `files`, so that a child may be given that many.
 *
 * @throws LaresError `not_permitted`
 */
export function allowFiles(files: number): void {
  const { soft, hard } = fileLimits();
  if (files <= hard) return;
  try {
    setFileLimits({ soft, hard: files });
  } catch (cause) {
    throw new LaresError("not_permitted", `Cannot allow ${files} open files: this process is held to ${hard}`, {
      hint: "Run the supervisor as root with CAP_SYS_RESOURCE, and raise `sysctl fs.nr_open` if that is lower.",
      cause,
    });
  }
}

interface FileLimits {
  readonly soft: number;
  readonly hard: number;
}

function fileLimits(): FileLimits {
  const limits = Buffer.alloc(16);
  check("prlimit", libc.prlimit(0, RLIMIT_NOFILE, null, limits));
  return { soft: Number(limits.readBigUInt64LE(0)), hard: Number(limits.readBigUInt64LE(8)) };
}

function setFileLimits({ soft, hard }: FileLimits): void {
  const limits = Buffer.alloc(16);
  limits.writeBigUInt64LE(BigInt(soft), 0);
  limits.writeBigUInt64LE(BigInt(hard), 8);
  asIoError("raise the limit of open files", () => check("prlimit", libc.prlimit(0, RLIMIT_NOFILE, limits, null)));
}

/**
 * Replaces this process by another program; pid, children and descriptors without close-on-exec stay.
 *
 * Unlike `process.execve`, which aborts the process, a failure is an error and life goes on.
 *
 * @param file An absolute path.
 * @param image `argv` with `argv[0]` included, and the whole environment.
 * @throws LaresError `spawn_failed`
 */
export function execReplace(
  file: string,
  image: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> },
): never {
  const env = Object.entries(image.env).map(([name, value]) => `${name}=${value}`);
  prepareForExec(true);
  libc.execve(file, [...image.argv, null], [...env, null]);
  const cause = new SystemError("execve", lastErrno());
  prepareForExec(false);
  throw new LaresError("spawn_failed", `Cannot replace this process by "${file}": ${cause.code}`, { cause });
}

/**
 * Ends this process at once: no handlers, no waiting for threads, nothing flushed that is not on disk already.
 *
 * `process.exit` joins the threads of V8 and of libuv's pool; with Node 24.21 one of them slept for ever in one of some
 * twenty exits while files were being copied.
 */
export function exitNow(code: number): never {
  libc._exit(code);
  throw new Error("unreachable");
}

/** Node marks its standard streams close-on-exec, and ignores two signals, which a new program would go on ignoring. */
function prepareForExec(on: boolean): void {
  for (const fd of [0, 1, 2]) setCloseOnExec(fd, !on);
  for (const signal of ["SIGPIPE", "SIGXFSZ"] as const) libc.signal(constants.signals[signal], on ? SIG_DFL : SIG_IGN);
}

/**
 * Takes an exclusive lock on a file, created if need be, for as long as the descriptor or this process lives.
 *
 * @returns the descriptor, or undefined when another process holds the lock.
 */
export function lockFile(path: string): number | undefined {
  const fd = asIoError(`open "${path}"`, () =>
    openSync(path, fsConstants.O_RDWR | fsConstants.O_CREAT | O_CLOEXEC, 0o644),
  );
  try {
    check("flock", libc.flock(fd, LOCK_EX | LOCK_NB));
    return fd;
  } catch (cause) {
    closeFd(fd);
    if (errnoOf(cause) === "EAGAIN") return undefined;
    throw new LaresError("io", `Cannot lock "${path}": ${errnoOf(cause)}`, { cause });
  }
}

/** Creates a file that lives in memory only and is closed on exec. */
export function memoryFd(name: string): number {
  return asIoError(`create memory file "${name}"`, () => check("memfd_create", libc.memfd_create(name, MFD_CLOEXEC)));
}

/** Copies a descriptor out of another process (close-on-exec). Linux 5.6; needs the right to ptrace it. */
export function pidfdGetfd(pidfd: number, fd: number): number {
  return asIoError(`copy descriptor ${fd} of another process`, () => rawSyscall("pidfd_getfd", pidfd, fd, 0));
}

/** Milliseconds of CLOCK_MONOTONIC, comparable between processes of one boot and with `MONOTONIC_USEC`. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
