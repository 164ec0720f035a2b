/** What lies in a service's log directory: the segments of each stream, oldest first. */
import { readdirSync } from "node:fs";
import { parseSegmentFileName, type StreamKey, segmentFileName } from "./names.ts";

/** A segment that readers can open. */
export interface Segment extends StreamKey {
  /** Null for the one that is being written. */
  readonly rotatedAt: string | null;
  readonly path: string;
  readonly indexPath: string;
  readonly compressed: boolean;
}

/**
 * The segments in `directory`, each once, by slot and stream, then oldest first, the one being written last.
 *
 * A crash while compressing leaves a segment in both forms: the uncompressed one counts.
 *
 * @param only of this stream, which is quicker where there are many
 */
export function listSegments(directory: string, only?: StreamKey): Segment[] {
  const found = new Map<string, Segment>();
  for (const fileName of namesIn(directory, only === undefined ? "" : `${only.slot}.${only.stream}.`)) {
    const name = parseSegmentFileName(fileName);
    if (name === undefined || (name.kind !== "log" && name.kind !== "zst")) continue;
    const indexName = segmentFileName({ ...name, kind: "idx" });
    if (name.kind === "zst" && found.has(indexName)) continue;
    found.set(indexName, {
      slot: name.slot,
      stream: name.stream,
      rotatedAt: name.rotatedAt,
      // Not by `join`, which would take most of the time where there are many.
      path: `${directory}/${fileName}`,
      indexPath: `${directory}/${indexName}`,
      compressed: name.kind === "zst",
    });
  }
  return [...found.values()].sort(bySlotStreamAge);
}

/** The segments of one stream among `segments`, oldest first. */
export function segmentsOf(segments: readonly Segment[], key: StreamKey): Segment[] {
  return segments.filter((segment) => segment.slot === key.slot && segment.stream === key.stream);
}

function bySlotStreamAge(a: Segment, b: Segment): number {
  return a.slot - b.slot || compare(b.stream, a.stream) || compare(a.rotatedAt ?? "~", b.rotatedAt ?? "~");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sorted, so that `….log` is met before `….log.zst`; without indexes. A directory that does not exist holds nothing. */
function namesIn(directory: string, prefix: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.startsWith(prefix) && !name.endsWith(".idx"))
      .sort();
  } catch {
    return [];
  }
}
