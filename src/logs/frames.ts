/** Getting at any place of a compressed segment by the frames of which it consists. */
import { fstatSync, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { zstdDecompressSync } from "node:zlib";
import { decodeSeekTable, SEEK_FOOTER_BYTES, seekTableBytes } from "../protocol/zstd-seekable.ts";

/** Frames of more than this, which others may have written, are better read piece by piece. */
const FRAME_PLAIN_BYTES_MAX = 16 * 1024 * 1024;

/** Where one frame lies in the file, and what it holds. */
export interface Frame {
  readonly at: number;
  readonly bytes: number;
  /** Offset in the segment, before compression. */
  readonly plainAt: number;
  readonly plainBytes: number;
}

/**
 * The frames of the file `fd`, in their order; undefined if its seek table does not tell: there is none (former versions of
 * this program and most others write none), it does not speak of the whole file, or a frame is too large.
 */
export function framesOf(fd: number): Frame[] | undefined {
  const size = fstatSync(fd).size;
  const tableBytes = seekTableBytes(readAt(fd, size - SEEK_FOOTER_BYTES, SEEK_FOOTER_BYTES));
  if (tableBytes === undefined || tableBytes > size) return undefined;
  const sizes = decodeSeekTable(readAt(fd, size - tableBytes, tableBytes));
  if (sizes === undefined) return undefined;
  const frames: Frame[] = [];
  let [at, plainAt] = [0, 0];
  for (const { bytes, plainBytes } of sizes) {
    if (plainBytes > FRAME_PLAIN_BYTES_MAX) return undefined;
    if (plainBytes > 0) frames.push({ at, bytes, plainAt, plainBytes });
    at += bytes;
    plainAt += plainBytes;
  }
  return at + tableBytes === size ? frames : undefined;
}

/** What a frame holds. To decompress it takes less time than to hand it to another thread. */
export async function readFrame(file: FileHandle, frame: Frame): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(frame.bytes);
  const { bytesRead } = await file.read(bytes, 0, frame.bytes, frame.at);
  return zstdDecompressSync(bytes.subarray(0, bytesRead), optionsFor(frame));
}

/** The same without waiting for the file. */
export function readFrameSync(fd: number, frame: Frame): Buffer {
  return zstdDecompressSync(readAt(fd, frame.at, frame.bytes), optionsFor(frame));
}

/** In one piece: in Node's own of 16 KiB it takes three times as long. One byte more says that there is no more. */
function optionsFor({ plainBytes }: Frame) {
  return { chunkSize: Math.max(64, plainBytes + 1), maxOutputLength: plainBytes };
}

/** As many as there are of the `length` bytes at `at`. */
export function readAt(fd: number, at: number, length: number): Buffer {
  if (at < 0) return Buffer.alloc(0);
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, at));
}
