import { statSync } from "node:fs";
import { IndexReader } from "../logs/offsets.ts";
import { listSegments, type Segment } from "../logs/segments.ts";
import { nameOf } from "./backlog.ts";
import type { StreamMark } from "./bookmark.ts";

/** What was written and not delivered. */
export interface Lag {
  readonly bytes: number;
  /** When the oldest of it was written, in milliseconds since 1970; undefined if there is none. */
  readonly sinceMs: number | undefined;
}

/** Looks how much of a service's log lies behind its marks. */
export function lagOf(directory: string, marks: Readonly<Record<string, StreamMark>>): Lag {
  let bytes = 0;
  let sinceMs = Infinity;
  /** Only the segment right behind a mark was delivered in part. */
  const begun = new Set<string>();
  for (const segment of listSegments(directory)) {
    const name = nameOf(segment);
    const mark = marks[name];
    if (mark !== undefined && segment.rotatedAt !== null && segment.rotatedAt <= mark.after) continue;
    const offset = begun.has(name) ? 0 : (mark?.offset ?? 0);
    begun.add(name);
    const rest = restOf(segment, offset);
    bytes += rest.bytes;
    if (rest.bytes > 0) sinceMs = Math.min(sinceMs, rest.sinceMs);
  }
  return { bytes, sinceMs: bytes === 0 ? undefined : sinceMs };
}

function restOf(segment: Segment, offset: number): { readonly bytes: number; readonly sinceMs: number } {
  const file = statSync(segment.path, { throwIfNoEntry: false });
  if (file === undefined) return { bytes: 0, sinceMs: Infinity };
  const index = IndexReader.open(segment.indexPath);
  const written = segment.compressed ? (index?.header.length ?? 0) : file.size;
  const sinceMs = index?.record(Math.max(0, index.covering(offset)))?.timeMs ?? file.mtimeMs;
  index?.close();
  return { bytes: Math.max(0, written - offset), sinceMs };
}
