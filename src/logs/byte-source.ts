/** Reading a segment's bytes forward from a position, compressed or not, without blocking the event loop. */
import { type FileHandle, open } from "node:fs/promises";
import { compressedBytes, PIECE_BYTES } from "./compressed-bytes.ts";
import type { Segment } from "./segments.ts";

export interface ByteSource {
  /** Which file this is, whatever it is called by now. */
  readonly inode: number;
  /** The next bytes, good until the next read; empty at the end, which for a growing file is not for good. */
  read(): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Opens a segment at `offset`, counted in bytes before compression.
 *
 * @param options.memory where to read to what is not compressed; chunks grow up to its size
 */
export async function openBytes(segment: Segment, options: { offset: number; memory: Buffer }): Promise<ByteSource> {
  const file = await open(segment.path, "r");
  const { ino } = await file.stat();
  return segment.compressed ? compressedSource(file, { ...options, ino }) : plainSource(file, { ...options, ino });
}

function plainSource(file: FileHandle, options: { offset: number; memory: Buffer; ino: number }): ByteSource {
  let at = options.offset;
  let length = PIECE_BYTES.first;
  return {
    inode: options.ino,
    async read() {
      const { bytesRead } = await file.read(options.memory, 0, Math.min(length, options.memory.length), at);
      // Cut by copytruncate: what is there now is new.
      if (bytesRead === 0 && at > 0 && (await file.stat()).size < at) at = 0;
      at += bytesRead;
      length *= 2;
      return options.memory.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}

function compressedSource(file: FileHandle, options: { offset: number; ino: number }): ByteSource {
  const pieces = compressedBytes(file, options.offset);
  return {
    inode: options.ino,
    async read() {
      const { value, done } = await pieces.next();
      return done === true ? Buffer.alloc(0) : value;
    },
    async close() {
      await pieces.return(undefined);
      await file.close();
    },
  };
}
