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
  let total = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  const newestFirst = segments
    .flatMap((segment) => (segment.rotatedAt === null ? [] : { segment, moment: segment.rotatedAt }))
    .sort((a, b) => (a.moment < b.moment ? 1 : -1));

  for (const { segment, moment } of newestFirst) {
    const stream = `${segment.slot}.${segment.stream}`;
    const rank = (kept.get(stream) ?? 0) + 1;
    kept.set(stream, rank);
    if (rank > limits.keep || nowMs - timeOfMoment(moment) > limits.maxAgeMs) expired.add(segment);
  }
  for (const segment of expired) total -= segment.sizeBytes;
  for (const { segment } of newestFirst.toReversed()) {
    if (total <= limits.totalBytes) break;
    if (expired.has(segment)) continue;
    expired.add(segment);
    total -= segment.sizeBytes;
  }
  return expired;
}
