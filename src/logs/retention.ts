import type { LogSpec } from "../core/spec.ts";
import { type StreamKey, timeOfMoment } from "./names.ts";

/** A segment as far as its fate is concerned. */
export interface KeptSegment extends StreamKey {
  readonly rotatedAt: string | null;
  /** On disk, with its index. */
  readonly sizeBytes: number;
}

/**
 * Which closed segments of one service have to go: all but the newest `keep` of each stream, those closed longer ago than
 * `maxAgeMs`, and then the oldest until everything together is within `totalBytes`. What is being written always stays.
 */
export function expiredSegments<Segment extends KeptSegment>(
  segments: readonly Segment[],
  limits: Pick<LogSpec, "keep" | "maxAgeMs" | "totalBytes">,
  nowMs: number,
): Set<Segment> {
  const expired = new Set<Segment>();
  const kept = new Map<string, number>();
  for (const { segment, moment } of closedByAge(segments).toReversed()) {
    const stream = `${segment.slot}.${segment.stream}`;
    const rank = (kept.get(stream) ?? 0) + 1;
    kept.set(stream, rank);
    if (rank > limits.keep || nowMs - timeOfMoment(moment) > limits.maxAgeMs) expired.add(segment);
  }
  const left = segments.filter((segment) => !expired.has(segment));
  for (const segment of oldestBeyond(left, limits.totalBytes)) expired.add(segment);
  return expired;
}

/**
 * The oldest closed segments without which the rest is within `totalBytes`; all closed ones if it never is. What is being
 * written always stays.
 */
export function oldestBeyond<Segment extends KeptSegment>(segments: readonly Segment[], totalBytes: number): Segment[] {
  let total = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  const beyond: Segment[] = [];
  for (const { segment } of closedByAge(segments)) {
    if (total <= totalBytes) break;
    beyond.push(segment);
    total -= segment.sizeBytes;
  }
  return beyond;
}

/** Oldest first. */
function closedByAge<Segment extends KeptSegment>(
  segments: readonly Segment[],
): { segment: Segment; moment: string }[] {
  return segments
    .flatMap((segment) => (segment.rotatedAt === null ? [] : { segment, moment: segment.rotatedAt }))
    .sort((a, b) => (a.moment < b.moment ? -1 : a.moment > b.moment ? 1 : 0));
}
