/** Where to begin reading, found without reading everything before it. */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { openBytes } from "./byte-source.ts";
import { timeOfMoment } from "./names.ts";
import { IndexReader } from "./offsets.ts";
import type { Segment } from "./segments.ts";
import type { Position } from "./stream-cursor.ts";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** To find more than this many lines from the end is not worth it: reading begins at the beginning. */
const LINES_MAX = 1_000_000;

/**
 * A position at or before the first line read at `sinceMs` or later, and at most one chunk before it. What comes too early
 * is to be left out by its time.
 *
 * @param segments of one stream, oldest first
 */
export function positionSince(segments: readonly Segment[], sinceMs: number): Position | undefined {
  const segment = segments.find(({ rotatedAt }) => rotatedAt === null || timeOfMoment(rotatedAt) >= sinceMs);
  if (segment === undefined) return undefined;
  const index = IndexReader.open(segment.indexPath);
  if (index === undefined) return { segment, offset: 0 };
  // The record before covers a line that was begun earlier and ends where the wanted bytes begin.
  const offset = index.record(index.since(sinceMs) - 1)?.offset ?? 0;
  index.close();
  return { segment, offset };
}

/** Where the last `lines` lines of a stream begin; undefined if it has no more than that. */
export async function positionOfLast(segments: readonly Segment[], lines: number): Promise<Position | undefined> {
  const newest = segments.at(-1);
  if (lines <= 0 && newest !== undefined) return { segment: newest, offset: endOf(newest) };
  if (lines > LINES_MAX) return undefined;
  let wanted = lines;
  for (const segment of segments.toReversed()) {
    const found = segment.compressed ? await lastInCompressed(segment, wanted) : lastInPlain(segment, wanted);
    if (found.offset !== undefined) return { segment, offset: found.offset };
    wanted -= found.lines;
    if (wanted <= 0) return { segment, offset: 0 };
  }
  return undefined;
}

/** Either where the last lines begin, or how many there are because they are too few. */
type Found = { readonly offset: number } | { readonly offset: undefined; readonly lines: number };

/** How much a compressed segment holds is not known without reading it; nothing lies beyond the largest number. */
function endOf(segment: Segment): number {
  return segment.compressed ? Number.MAX_SAFE_INTEGER : statSync(segment.path).size;
}

/** Backwards block by block, counting ends of lines; the end of the file ends a line, too. */
function lastInPlain(segment: Segment, wanted: number): Found {
  const fd = openSync(segment.path, "r");
  try {
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    const size = fstatSync(fd).size;
    let lines = 0;
    for (let end = size; end > 0; end -= Math.min(end, BLOCK_BYTES)) {
      const begin = Math.max(0, end - BLOCK_BYTES);
      const bytes = block.subarray(0, readSync(fd, block, 0, end - begin, begin));
      if (end === size && bytes.at(-1) !== NEWLINE) lines += 1;
      for (let at = bytes.lastIndexOf(NEWLINE); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1)) {
        if (lines === wanted) return { offset: begin + at + 1 };
        lines += 1;
      }
    }
    return { offset: undefined, lines };
  } finally {
    closeSync(fd);
  }
}

/** There is no way back in a compressed file: forwards through it, remembering where the last lines began. */
async function lastInCompressed(segment: Segment, wanted: number): Promise<Found> {
  const bytes = await openBytes(segment, { offset: 0, memory: Buffer.alloc(0) });
  const begins = new Float64Array(wanted + 1);
  let lines = 0;
  let at = 0;
  let endsLine = true;
  try {
    for (let chunk = await bytes.read(); chunk.length > 0; chunk = await bytes.read()) {
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, end + 1)) {
        lines += 1;
        begins[lines % begins.length] = at + end + 1;
      }
      at += chunk.length;
      endsLine = chunk.at(-1) === NEWLINE;
    }
  } finally {
    await bytes.close();
  }
  if (!endsLine) lines += 1;
  if (lines <= wanted) return { offset: undefined, lines };
  return { offset: begins[(lines - wanted) % begins.length] ?? 0 };
}
