/** What one start of a slot said last, read at once: its restart waits for it. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { pipeBytes } from "../os/pipes.ts";
import { framesOf, readFrameSync } from "./frames.ts";
import { LOOK_BYTES, look } from "./look.ts";
import type { StreamKey } from "./names.ts";
import { IndexReader } from "./offsets.ts";
import { listSegments, type Segment } from "./segments.ts";

/** The most that is read back, and that is given. */
const LAST_BYTES = 8 * 1024;
const LINES_MAX = 20;

/** The last bytes of a segment. */
export interface SegmentEnd {
  readonly bytes: Buffer;
  /** Where in the segment they begin. */
  readonly at: number;
}

export interface LastWordsOptions {
  /** Only what this start of the slot wrote. */
  readonly generation: number;
  /** The end of a closed segment, if it is known without reading it. */
  readonly remembered?: (rotatedAt: string) => SegmentEnd | undefined;
}

/**
 * The last lines of a stream, read back through as many segments as that takes.
 *
 * @param directory that of the service
 * @returns at most 20 lines and 8 KiB, oldest first; none when the files cannot be read
 */
export function lastWords(directory: string, key: StreamKey, options: LastWordsOptions): string[] {
  let words: Buffer = Buffer.alloc(0);
  let isWhole = false;
  for (const segment of listSegments(directory, key).toReversed()) {
    const end = endOf(segment, options);
    if (end === undefined) break;
    const own = ownPart(end, { segment, generation: options.generation });
    words = Buffer.concat([own.bytes, words]);
    isWhole = own.isWhole;
    if (!isWhole || own.isFirst || words.length > LAST_BYTES) break;
  }
  return wordsIn(words, { isWhole });
}

/** What a program said last that is still in pipe `fd`; undefined if that is less than is given, and has to be taken first. */
export function unreadWords(fd: number): string[] | undefined {
  const bytes = pipeBytes(fd) > LAST_BYTES ? look(fd, LOOK_BYTES) : undefined;
  return bytes && wordsIn(bytes, { isWhole: false });
}

/** The last lines in `bytes`. @param options.isWhole whether they begin a line */
function wordsIn(bytes: Buffer, { isWhole }: { readonly isWhole: boolean }): string[] {
  const lines = bytes
    .subarray(Math.max(0, bytes.length - LAST_BYTES))
    .toString("utf8")
    .split("\n");
  const isCut = !isWhole || bytes.length > LAST_BYTES;
  return (isCut && lines.length > 1 ? lines.slice(1) : lines).filter((line) => line !== "").slice(-LINES_MAX);
}

/** The last bytes of the file `fd`; a little more than are needed, so that it is known whether they begin a line. */
export function readEnd(fd: number): SegmentEnd {
  const size = fstatSync(fd).size;
  const bytes = Buffer.alloc(Math.min(size, LAST_BYTES + 1));
  const at = size - bytes.length;
  return { bytes: bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, at)), at };
}

function endOf(segment: Segment, options: LastWordsOptions): SegmentEnd | undefined {
  const known = segment.rotatedAt === null ? undefined : options.remembered?.(segment.rotatedAt);
  if (known !== undefined) return known;
  try {
    const fd = openSync(segment.path, "r");
    try {
      return segment.compressed ? endOfCompressed(fd) : readEnd(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Compressed, moved or deleted in this moment: what is newer is better than nothing.
    return undefined;
  }
}

/** As many of the last frames as it takes. What has no seek table would have to be decompressed as a whole. */
function endOfCompressed(fd: number): SegmentEnd | undefined {
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;
  const frames = framesOf(fd);
  for (const frame of frames?.toReversed() ?? []) {
    bytes = Buffer.concat([readFrameSync(fd, frame), bytes]);
    at = frame.plainAt;
    if (bytes.length > LAST_BYTES) break;
  }
  const spare = Math.max(0, bytes.length - LAST_BYTES - 1);
  return frames && { bytes: bytes.subarray(spare), at: at + spare };
}

/** What is left of the end of a segment without the bytes of other generations. */
interface OwnPart {
  readonly bytes: Buffer;
  /** Nothing of this generation lies before it in this segment. */
  readonly isWhole: boolean;
  /** Nothing of it lies in older segments. */
  readonly isFirst: boolean;
}

function ownPart(end: SegmentEnd, of: { segment: Segment; generation: number }): OwnPart {
  const index = IndexReader.open(of.segment.indexPath);
  if (index === undefined || index.count === 0) return { bytes: end.bytes, isWhole: end.at === 0, isFirst: true };
  try {
    const parts: Buffer[] = [];
    let until = end.at + end.bytes.length;
    let isOwn = false;
    for (let ordinal = index.covering(until - 1); ordinal >= 0 && until > end.at; ordinal -= 1) {
      const record = index.record(ordinal);
      if (record === undefined) break;
      isOwn = record.generation === of.generation;
      const from = Math.max(record.offset, end.at);
      if (isOwn && from < until) parts.unshift(end.bytes.subarray(from - end.at, until - end.at));
      until = Math.min(until, from);
    }
    const isWhole = !isOwn || end.at === 0;
    return { bytes: Buffer.concat(parts), isWhole, isFirst: !isOwn };
  } finally {
    index.close();
  }
}
