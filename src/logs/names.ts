/**
 * Names of log files ↔ what they mean.
 *
 * ```
 * log/SERVICE/SLOT.STREAM.log                              what is being written
 * log/SERVICE/SLOT.STREAM.YYYYMMDDTHHMMSS.mmmZ.log[.zst]   rotated at that moment
 * … .idx instead of .log[.zst]                             its index; also that of a compressed segment
 * ```
 */
import { join } from "node:path";

export type StreamName = "stdout" | "stderr";

/** One stream of one slot: the owner of a row of segments. */
export interface StreamKey {
  readonly slot: number;
  readonly stream: StreamName;
}

/** A log file as its name tells it. */
export interface SegmentName extends StreamKey {
  /** `YYYYMMDDTHHMMSS.mmmZ`, or null for the segment that is being written. Sorts by time. */
  readonly rotatedAt: string | null;
  readonly kind: "log" | "zst" | "idx" | "temporary";
}

const PATTERN = /^(\d{1,9})\.(stdout|stderr)(?:\.(\d{8}T\d{6}\.\d{3}Z))?\.(log|log\.zst|idx|log\.zst\.tmp)$/;
const EXTENSIONS = { log: "log", zst: "log.zst", idx: "idx", temporary: "log.zst.tmp" } as const;
const KINDS = new Map<string | undefined, SegmentName["kind"]>([
  ["log", "log"],
  ["log.zst", "zst"],
  ["idx", "idx"],
  ["log.zst.tmp", "temporary"],
]);

/** The directory of one service's logs below the log directory of a home. */
export function serviceDirectory(logDirectory: string, service: string): string {
  return join(logDirectory, service);
}

/** The file name of a segment, its index or its half-written compressed form. */
export function segmentFileName(name: SegmentName): string {
  const moment = name.rotatedAt === null ? "" : `.${name.rotatedAt}`;
  return `${name.slot}.${name.stream}${moment}.${EXTENSIONS[name.kind]}`;
}

/** What a file name means; undefined if it is none of ours. */
export function parseSegmentFileName(fileName: string): SegmentName | undefined {
  const [, slot, stream, rotatedAt, extension] = PATTERN.exec(fileName) ?? [];
  const kind = KINDS.get(extension);
  if (slot === undefined || kind === undefined) return undefined;
  if (rotatedAt === undefined && (kind === "zst" || kind === "temporary")) return undefined;
  return { slot: Number(slot), stream: stream as StreamName, rotatedAt: rotatedAt ?? null, kind };
}

/** A wall-clock time as it stands in the name of a rotated segment. */
export function momentOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]/g, "");
}

/** The time that a rotated segment's name tells, in milliseconds since 1970. */
export function timeOfMoment(moment: string): number {
  const [, year, month, day, hours, minutes, rest] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3}Z)$/.exec(moment) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${rest}`);
}
