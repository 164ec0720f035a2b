/** Taking bytes out of a pipe: into a file, or away. */
import { writeSync } from "node:fs";
import { errnoOf } from "../os/libc.ts";
import { readNow, splice } from "../os/pipes.ts";
import { look } from "./look.ts";

export interface MoveRequest {
  /** The read end of a pipe. */
  readonly from: number;
  /** A file, not open for appending. */
  readonly to: number;
  readonly offset: number;
  readonly length: number;
}

/**
 * Moves bytes from a pipe into a file at `offset`.
 *
 * One system call takes them out of the pipe and puts them into the file, so a `kill -9` at any instant neither loses nor
 * doubles any: the kernel releases exactly what it has written. File systems without splice(2) get a copy that is consumed
 * after it was written: there a kill between the two doubles one chunk.
 *
 * @returns how many, 0 at the end of the stream, -1 if there is nothing now
 */
export function moveToFile(request: MoveRequest): number {
  try {
    return splice(request);
  } catch (error) {
    if (errnoOf(error) !== "EINVAL") throw error;
    return copyToFile(request);
  }
}

function copyToFile({ from, to, offset, length }: MoveRequest): number {
  const view = look(from, length);
  if (view === undefined) return 0;
  if (view.length === 0) return -1;
  const written = writeSync(to, view, 0, view.length, offset);
  consume(from, written);
  return written;
}

/** Takes `length` bytes, known to be there, out of a pipe and forgets them. */
export function consume(from: number, length: number): void {
  const sink = Buffer.allocUnsafe(Math.min(length, 64 * 1024));
  for (let left = length; left > 0; ) left -= Math.max(0, readNow(from, sink.subarray(0, left)));
}
