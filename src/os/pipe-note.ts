/**
 * A note on a pipe about what its reader is doing.
 *
 * It is kept where the kernel keeps the time at which the pipe was last read, which nobody needs: in memory, whatever
 * disks do, for exactly as long as somebody has the pipe, and changed in one step. Writing, tee(2) and splice(2) leave it
 * alone (Linux 6.18); read(2) may not, on older ones. Only the pipe's owner can set it.
 */
import { fstatSync } from "node:fs";
import { libc } from "./libc.ts";

/** That bytes at the head of the pipe are being written to a file. */
export interface PipeNote {
  /** Where in the file they go: below `noteLimits.offset`. */
  readonly offset: number;
  /** How many: below `noteLimits.length`. */
  readonly length: number;
  /** The low bits of the file's inode number: `fileMark`. */
  readonly file: number;
}

// Node shows seconds as a double, so 53 bits of them are used: a mark that no clock gets to, 12 bits of the file, and the
// offset. Of the nanoseconds, which stay below 1e9, 29 bits: 9 of the file and the length.
const MARK = 2 ** 52;
const OFFSET = 2 ** 40;
const LENGTH = 2 ** 20;
const FILE_LOW = 2 ** 12;
const FILE = 2 ** 21;
const NANOSECONDS = 1_000_000_000n;
const UTIME_OMIT = 2n ** 30n - 2n;

/** What a note has room for. */
export const noteLimits = { offset: OFFSET, length: LENGTH } as const;

/** What a note says of a file with this inode number. */
export function fileMark(inode: number): number {
  return inode % FILE;
}

const times = new BigInt64Array([0n, 0n, 0n, UTIME_OMIT]);
const timesBytes = new Uint8Array(times.buffer);

/** Leaves a note on pipe `fd`; undefined takes it away. @returns false when this pipe keeps none */
export function notePipe(fd: number, note: PipeNote | undefined): boolean {
  times[0] = note === undefined ? 0n : BigInt(MARK + (note.file % FILE_LOW) * OFFSET + note.offset);
  times[1] = note === undefined ? 0n : BigInt(Math.floor(note.file / FILE_LOW) * LENGTH + note.length);
  return libc.futimens(fd, timesBytes) === 0;
}

/** The note on pipe `fd`, whoever left it. */
export function pipeNote(fd: number): PipeNote | undefined {
  const { atimeNs } = fstatSync(fd, { bigint: true });
  const seconds = Number(atimeNs / NANOSECONDS) - MARK;
  if (seconds < 0) return undefined;
  const rest = Number(atimeNs % NANOSECONDS);
  const file = Math.floor(seconds / OFFSET) + Math.floor(rest / LENGTH) * FILE_LOW;
  return { offset: seconds % OFFSET, length: rest % LENGTH, file };
}
