/** Pipes, and moving bytes through them without blocking. */
import { constants, openSync, readlinkSync } from "node:fs";
import { asIoError, closeFd } from "./descriptors.ts";
import { callInThread, check, lastErrno, libc, O_CLOEXEC, SystemError } from "./libc.ts";

export { closeFd, duplicate } from "./descriptors.ts";

const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const FIONREAD = 0x541b;

/** Both ends are closed on exec and block until told otherwise. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  /** What it holds: less than asked for when the kernel's limit or the user's quota (64 MiB) is reached. */
  readonly sizeBytes: number;
}

/** Creates a pipe, as large as asked for or else as large as the kernel makes it. */
export function createPipe(options: { readonly sizeBytes?: number } = {}): Pipe {
  return asIoError("create a pipe", () => {
    const ends = Buffer.alloc(8);
    check("pipe2", libc.pipe2(ends, O_CLOEXEC));
    const [readEnd, writeEnd] = [ends.readInt32LE(0), ends.readInt32LE(4)];
    try {
      if (options.sizeBytes !== undefined) libc.fcntl(readEnd, F_SETPIPE_SZ, options.sizeBytes);
      return { readEnd, writeEnd, sizeBytes: check("fcntl", libc.fcntl(readEnd, F_GETPIPE_SZ, 0)) };
    } catch (error) {
      closeFd(readEnd);
      closeFd(writeEnd);
      throw error;
    }
  });
}

/**
 * Opens the writing end of a pipe for reading as well, and closes the one given.
 *
 * Whoever writes to it keeps the pipe alive by itself: with every reader gone it does not get SIGPIPE, it waits, and what
 * it wrote is there for the next reader (`reopenPipe`).
 */
export function openBothWays(writeEnd: number): number {
  return asIoError("open a pipe both ways", () => {
    try {
      return openSync(`/proc/self/fd/${writeEnd}`, constants.O_RDWR | O_CLOEXEC);
    } finally {
      closeFd(writeEnd);
    }
  });
}

/**
 * The reading end of a pipe that another process has open as its descriptor `fd`.
 *
 * @returns undefined when that is no pipe, or may not be looked at (another user's process).
 */
export function reopenPipe(pid: number, fd: number): number | undefined {
  const path = `/proc/${pid}/fd/${fd}`;
  try {
    if (!readlinkSync(path).startsWith("pipe:")) return undefined;
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC);
  } catch {
    return undefined;
  }
}

/** At least one of `from` and `to` is a pipe. */
export interface SpliceRequest {
  readonly from: number;
  readonly to: number;
  readonly length: number;
  /** Where in `to` to write, when that is a file. It must not be open for appending. */
  readonly offset?: number;
}

/** Where splice(2) reads the offset from. One for all calls: captures make thousands a second. */
const spliceOffset = new BigInt64Array(1);
const spliceOffsetBytes = new Uint8Array(spliceOffset.buffer);

/** Moves bytes inside the kernel. Returns how many, 0 at the end, -1 when it would block. */
export function splice(request: SpliceRequest): number {
  let offset: Uint8Array | null = null;
  if (request.offset !== undefined) {
    spliceOffset[0] = BigInt(request.offset);
    offset = spliceOffsetBytes;
  }
  const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
  return countOrBlocked("splice", libc.splice(request.from, null, request.to, offset, request.length, flags));
}

/** Where the thread of each pipe that is being emptied reads its offset from. */
const offsetsInThreads = new Map<number, BigInt64Array>();

/**
 * Moves bytes from a pipe, which nobody else touches meanwhile, into a file: in a thread, because a disk may take its time.
 *
 * @param done gets how many, or -1 when not one could be written
 */
export function spliceInThread(request: Required<SpliceRequest>, done: (written: number) => void): void {
  const { from, to, offset, length } = request;
  const at = new BigInt64Array([BigInt(offset)]);
  offsetsInThreads.set(from, at);
  callInThread("splice", [from, null, to, new Uint8Array(at.buffer), length, SPLICE_F_MOVE], (written) => {
    offsetsInThreads.delete(from);
    done(written);
  });
}

/** Calls back after so many microseconds, and some 100 more, more exactly than the loop's timers. */
export function sleepInThread(microseconds: number, done: () => void): void {
  callInThread("usleep", [microseconds], done);
}

/**
 * Takes bytes that are there out of a pipe and forgets them, by way of another, empty pipe of ours that has room for them.
 *
 * The kernel moves references from pipe to pipe without looking for signals in between: however the process ends, they are
 * all gone or all still there.
 */
export function discard(from: number, length: number, by: Pipe): void {
  for (let left = length; left > 0; ) {
    const moved = splice({ from, to: by.writeEnd, length: left });
    if (moved <= 0) return;
    left -= moved;
    empty(by);
  }
}

let nowhere: number | undefined;

/** Forgets what is in a pipe of ours. */
export function empty({ readEnd }: Pipe): void {
  nowhere ??= openSync("/dev/null", constants.O_WRONLY | O_CLOEXEC);
  for (let left = pipeBytes(readEnd); left > 0; left -= splice({ from: readEnd, to: nowhere, length: left }));
}

/** Copies bytes from one pipe to another and leaves them in the first. Returns as `splice` does. */
export function tee(request: { readonly from: number; readonly to: number; readonly length: number }): number {
  return countOrBlocked("tee", libc.tee(request.from, request.to, request.length, SPLICE_F_NONBLOCK));
}

/** Reads what is there from an `O_NONBLOCK` descriptor. Returns the bytes read, 0 at the end, -1 when it would block. */
export function readNow(fd: number, buffer: Uint8Array): number {
  return countOrBlocked("read", libc.read(fd, buffer, buffer.byteLength));
}

/** Writes what fits to an `O_NONBLOCK` descriptor. Returns the bytes written, -1 when it would block. */
export function writeNow(fd: number, buffer: Uint8Array): number {
  return countOrBlocked("write", libc.write(fd, buffer, buffer.byteLength));
}

/** How many bytes pipe `fd` holds when it is full. */
export function pipeCapacity(fd: number): number {
  return check("fcntl", libc.fcntl(fd, F_GETPIPE_SZ, 0));
}

/** How many bytes wait to be read. */
export function pipeBytes(fd: number): number {
  const count = Buffer.alloc(4);
  asIoError(`measure pipe ${fd}`, () => check("ioctl", libc.ioctl(fd, FIONREAD, count)));
  return count.readInt32LE(0);
}

function countOrBlocked(syscall: string, result: number): number {
  if (result !== -1) return result;
  const code = lastErrno();
  if (code === "EAGAIN") return -1;
  return asIoError(`${syscall} through a pipe`, () => {
    throw new SystemError(syscall, code);
  });
}
