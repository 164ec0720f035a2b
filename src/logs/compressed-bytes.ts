/** Reading a compressed segment's bytes forward from a position, whoever compressed it. */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { zstdFrameEnd } from "../protocol/zstd-frame.ts";
import { type Frame, framesOf, readAt, readFrame } from "./frames.ts";

/** What is given out at a time: little at first, for the sake of the first line, and then twice as much each time. */
export const PIECE_BYTES = { first: 4 * 1024, most: 64 * 1024 };
/** To pass through what has no seek table: in Node's own chunks of 16 KiB it takes three times as long. */
const COMPRESSED_CHUNK_BYTES = 256 * 1024;
const DECOMPRESSED_CHUNK_BYTES = 1024 * 1024;

/**
 * What `file` holds from `offset` on, counted in bytes before compression. Each piece is good until the next is asked for, none
 * is empty. With a seek table it begins with the right frame, else everything before has to be passed through.
 */
export function compressedBytes(file: FileHandle, offset: number): AsyncGenerator<Buffer> {
  const frames = framesOf(file.fd);
  return frames === undefined ? beyond(wholeFile(file), offset) : fromFrames(file, { frames, offset });
}

async function* fromFrames(
  file: FileHandle,
  from: { frames: readonly Frame[]; offset: number },
): AsyncGenerator<Buffer> {
  let length = PIECE_BYTES.first;
  for (const frame of from.frames) {
    if (frame.plainAt + frame.plainBytes <= from.offset) continue;
    const plain = await readFrame(file, frame);
    for (let at = Math.max(0, from.offset - frame.plainAt); at < plain.length; ) {
      const piece = plain.subarray(at, at + length);
      yield piece;
      at += piece.length;
      length = Math.min(PIECE_BYTES.most, 2 * length);
    }
  }
}

async function* beyond(pieces: AsyncIterable<Buffer>, offset: number): AsyncGenerator<Buffer> {
  let toSkip = offset;
  for await (const piece of pieces) {
    const skipped = Math.min(toSkip, piece.length);
    toSkip -= skipped;
    if (skipped < piece.length) yield piece.subarray(skipped);
  }
}

/**
 * One decoder for each frame: `cat a.zst b.zst` and pzstd make files of several, and Node's decoder drops all but the first.
 * Where no frame can be made out, a decoder gets the rest and says what is wrong with it.
 */
async function* wholeFile(file: FileHandle): AsyncGenerator<Buffer> {
  const { size } = await file.stat();
  for (let at = 0; at < size; ) {
    const end = Math.min(size, zstdFrameEnd((from, length) => readAt(file.fd, from, length), at) ?? size);
    const raw = Readable.from(chunksOf(file, { begin: at, end }));
    const decoder = raw.pipe(createZstdDecompress({ chunkSize: DECOMPRESSED_CHUNK_BYTES }));
    raw.on("error", (error) => decoder.destroy(error));
    try {
      yield* decoder as AsyncIterable<Buffer>;
    } finally {
      raw.destroy();
    }
    at = end;
  }
}

async function* chunksOf(file: FileHandle, part: { begin: number; end: number }): AsyncGenerator<Buffer> {
  for (let at = part.begin; at < part.end; ) {
    const chunk = Buffer.allocUnsafe(Math.min(COMPRESSED_CHUNK_BYTES, part.end - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
    at += bytesRead;
  }
}
