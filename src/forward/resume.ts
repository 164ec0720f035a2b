import { statSync } from "node:fs";
import { IndexReader } from "../logs/offsets.ts";
import type { Segment } from "../logs/segments.ts";
import type { Position } from "../logs/stream-cursor.ts";
import type { StreamMark } from "./bookmark.ts";

/** Where to go on. `found` is false when the segment of the mark is gone, or what stood there is. */
export interface Resumption {
  readonly start: Position | undefined;
  readonly found: boolean;
}

/**
 * Finds the place of a mark among the segments there are now.
 *
 * @param segments of one stream, oldest first
 */
export function resume(segments: readonly Segment[], mark: StreamMark): Resumption {
  const segment = segments.find(({ rotatedAt }) => rotatedAt === null || rotatedAt > mark.after);
  // All of it may have been delivered: nothing tells until there is more.
  if (segment === undefined) return { start: undefined, found: true };
  if (mark.offset === 0) return { start: { segment, offset: 0 }, found: true };
  if (!isSame(segment, mark)) return { start: { segment, offset: 0 }, found: false };
  return { start: { segment, offset: Math.min(mark.offset, sizeOf(segment)) }, found: true };
}

/** Where all that is stored of a stream ends now: the mark of a sink that begins with what comes. */
export function markAtEnd(segments: readonly Segment[]): StreamMark {
  const after = segments.findLast(({ rotatedAt }) => rotatedAt !== null)?.rotatedAt ?? "";
  const live = segments.find(({ rotatedAt }) => rotatedAt === null);
  const blank = { after, firstOrder: null, offset: 0, lineAt: 0, lineOrder: 0, total: 0, timeNs: "0" };
  const index = live && IndexReader.open(live.indexPath);
  if (live === undefined || index === undefined) return { ...blank, offset: live ? sizeOf(live) : 0 };
  const last = index.record(index.count - 1);
  const mark = {
    ...blank,
    firstOrder: index.record(0)?.order ?? null,
    offset: sizeOf(live),
    lineAt: last?.offset ?? 0,
    lineOrder: last?.order ?? 0,
    total: index.header.startsAt + sizeOf(live),
  };
  index.close();
  return mark;
}

/** Without an index there is nothing to tell by. */
function isSame(segment: Segment, mark: StreamMark): boolean {
  const index = IndexReader.open(segment.indexPath);
  if (index === undefined || index.count === 0) {
    index?.close();
    return true;
  }
  const isFirst = mark.firstOrder === null || index.record(0)?.order === mark.firstOrder;
  const isLine = index.record(index.covering(mark.lineAt))?.order === mark.lineOrder;
  index.close();
  return isFirst && isLine;
}

function sizeOf({ path, compressed }: Segment): number {
  return compressed ? Number.MAX_SAFE_INTEGER : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
}
