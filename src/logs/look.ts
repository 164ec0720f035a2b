/** Looking at what is in a pipe without taking it out. */
import { createPipe, type Pipe, readNow, tee } from "../os/pipes.ts";

/** The most that is looked at in one go: what a pipe holds without privilege. */
export const LOOK_BYTES = 1024 * 1024;

let scratch: { readonly pipe: Pipe; readonly memory: Buffer } | undefined;

/**
 * The bytes at the head of pipe `fd`, at most `length` and `LOOK_BYTES`.
 *
 * @returns a view that is good until the next look; empty if there is nothing now; undefined at the end of the stream
 */
export function look(fd: number, length: number): Buffer | undefined {
  scratch ??= { pipe: createPipe({ sizeBytes: LOOK_BYTES }), memory: Buffer.allocUnsafeSlow(LOOK_BYTES) };
  const { pipe, memory } = scratch;
  const copied = tee({ from: fd, to: pipe.writeEnd, length: Math.min(length, LOOK_BYTES) });
  if (copied === 0) return undefined;
  let seen = 0;
  while (seen < copied) seen += readNow(pipe.readEnd, memory.subarray(seen, copied));
  return memory.subarray(0, seen);
}
