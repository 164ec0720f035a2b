/** Counting lines back from the end of a segment, compressed or not. */
import { type FileHandle, open } from "node:fs/promises";
import { compressedBytes } from "./compressed-bytes.ts";
import { type Frame, framesOf, readFrame } from "./frames.ts";
import type { Segment } from "./segments.ts";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Either where the last lines begin, or how many there are because they are too few. */
export type Found = { readonly offset: number } | { readonly offset: undefined; readonly lines: number };

/** A part of a segment. */
interface Block {
  readonly begin: number;
  readonly bytes: Buffer;
}

/**
 * Finds the beginning of the last `wanted` lines of a segment.
 *
 * @param segment what to look through
 * @param options.end where the last of them ends at the latest; undefined: where the segment ends
 */
export async function lastLines(
  segment: Segment,
  options: { wanted: number; end: number | undefined },
): Promise<Found> {
  const file = await open(segment.path, "r");
  const of = { wanted: options.wanted, end: options.end ?? Infinity };
  try {
    if (!segment.compressed) return await countBack(blocksFromEnd(file, of.end), of.wanted);
    const frames = framesOf(file.fd);
    if (frames === undefined) return await countForward(file, of);
    return await countBack(framesFromEnd(file, { frames, end: of.end }), of.wanted);
  } finally {
    await file.close();
  }
}

/** Block by block, counting ends of lines; the end of everything ends a line, too. */
async function countBack(blocks: AsyncIterable<Block>, wanted: number): Promise<Found> {
  let lines = 0;
  let isEnd = true;
  for await (const { begin, bytes } of blocks) {
    if (isEnd && bytes.at(-1) !== NEWLINE) lines += 1;
    isEnd = false;
    for (let at = bytes.lastIndexOf(NEWLINE); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1)) {
      if (lines === wanted) return { offset: begin + at + 1 };
      lines += 1;
    }
  }
  return { offset: undefined, lines };
}

async function* blocksFromEnd(file: FileHandle, limit: number): AsyncGenerator<Block> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  const { size } = await file.stat();
  for (let end = Math.min(size, limit); end > 0; end -= Math.min(end, BLOCK_BYTES)) {
    const begin = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, end - begin, begin);
    yield { begin, bytes: block.subarray(0, bytesRead) };
  }
}

async function* framesFromEnd(file: FileHandle, of: { frames: readonly Frame[]; end: number }): AsyncGenerator<Block> {
  for (const frame of of.frames.toReversed()) {
    if (frame.plainAt >= of.end) continue;
    const plain = await readFrame(file, frame);
    yield { begin: frame.plainAt, bytes: plain.subarray(0, of.end - frame.plainAt) };
  }
}

/** Without a seek table there is no way back: forwards through it, remembering where the last lines began. */
async function countForward(file: FileHandle, { wanted, end }: { wanted: number; end: number }): Promise<Found> {
  const begins = new Float64Array(wanted + 1);
  let lines = 0;
  let at = 0;
  let endsLine = true;
  for await (const piece of compressedBytes(file, 0)) {
    const bytes = piece.subarray(0, end - at);
    for (let newline = bytes.indexOf(NEWLINE); newline >= 0; newline = bytes.indexOf(NEWLINE, newline + 1)) {
      lines += 1;
      begins[lines % begins.length] = at + newline + 1;
    }
    at += bytes.length;
    endsLine = bytes.at(-1) === NEWLINE;
    if (at >= end) break;
  }
  if (!endsLine) lines += 1;
  if (lines <= wanted) return { offset: undefined, lines };
  return { offset: begins[(lines - wanted) % begins.length] ?? 0 };
}
