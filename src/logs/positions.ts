/** Where to begin reading, found without reading everything before it. */
import { statSync } from "node:fs";
import { lastLines } from "./last-lines.ts";
import { timeOfMoment } from "./names.ts";
import { IndexReader } from "./offsets.ts";
import type { Segment } from "./segments.ts";
import type { Position } from "./stream-cursor.ts";

/** To find more than this many lines from the end is not worth it: reading begins at the beginning. */
const LINES_MAX = 1_000_000;

/**
 * A position at or before the first line read at `sinceMs` or later, and at most one line or chunk before it. What comes too
 * early is to be left out by its time.
 *
 * @param segments of one stream, oldest first
 */
export function positionSince(segments: readonly Segment[], sinceMs: number): Position | undefined {
  return positionAt(segments, sinceMs, (index) => {
    const first = index.since(sinceMs);
    // A line that began earlier may go on where the wanted bytes begin: one byte before them tells, and has its time.
    const begin = index.record(first)?.offset ?? index.record(first - 1)?.offset ?? 0;
    return Math.max(0, first < index.count ? begin - 1 : begin);
  });
}

/** The end of what was read before `beforeMs`, in the order of reading; undefined: everything was. */
export function positionBefore(segments: readonly Segment[], beforeMs: number): Position | undefined {
  return positionAt(segments, beforeMs, (index) => index.record(index.since(beforeMs))?.offset ?? Infinity);
}

/**
 * Where the last `lines` lines of a stream begin; undefined if it has no more than that.
 *
 * @param end where the last of them ends at the latest
 */
export async function positionOfLast(
  segments: readonly Segment[],
  { lines, end }: { readonly lines: number; readonly end?: Position | undefined },
): Promise<Position | undefined> {
  const newest = segments.at(-1);
  if (lines <= 0 && newest !== undefined) return { segment: newest, offset: endOf(newest) };
  if (lines > LINES_MAX) return undefined;
  let wanted = lines;
  for (const segment of segments.slice(0, end && segments.indexOf(end.segment) + 1).toReversed()) {
    const found = await lastLines(segment, { wanted, end: segment === end?.segment ? end.offset : undefined });
    if (found.offset !== undefined) return { segment, offset: found.offset };
    wanted -= found.lines;
    if (wanted <= 0) return { segment, offset: 0 };
  }
  return undefined;
}

/** In the segment that was being written at `timeMs`: the names tell when each was closed. */
function positionAt(
  segments: readonly Segment[],
  timeMs: number,
  offsetIn: (index: IndexReader) => number,
): Position | undefined {
  const segment = segments.find(({ rotatedAt }) => rotatedAt === null || timeOfMoment(rotatedAt) >= timeMs);
  if (segment === undefined) return undefined;
  const index = IndexReader.open(segment.indexPath);
  if (index === undefined) return { segment, offset: 0 };
  const offset = offsetIn(index);
  index.close();
  return { segment, offset };
}

/** How much a compressed segment holds is not known without reading it; nothing lies beyond the largest number. */
function endOf(segment: Segment): number {
  return segment.compressed ? Number.MAX_SAFE_INTEGER : statSync(segment.path).size;
}
