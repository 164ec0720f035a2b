/**
 * The sidecar index of a log segment: a header, then records of one fixed size, so that a moment is found by binary search
 * and a torn last record is recognised by the file's size alone.
 *
 * A record says of the bytes from `offset` up to the next record's offset: when they were read, in which order among all
 * streams, and which generation wrote them. Where two records name one offset, the later one holds. Little-endian:
 *
 * | at | header | record |
 * |---|---|---|
 * | 0 | the letters `LARESIDX` | f64 offset |
 * | 8 | u32 version | f64 timeMs |
 * | 16 | f64 startsAt | f64 order |
 * | 24 | f64 length | u32 generation, 4 bytes unused |
 */
export interface IndexRecord {
  /** Position in the segment, in bytes before compression. */
  readonly offset: number;
  /** Wall clock when the bytes were read. */
  readonly timeMs: number;
  /**
   * Grows with every chunk over all streams of a supervisor and is never below the wall clock in microseconds: so it also
   * orders what two supervisors wrote one after the other, and what was read after the wall clock was set back.
   */
  readonly order: number;
  /** Which start of the slot wrote the bytes. */
  readonly generation: number;
}

/** Bytes of the header, and of each record. */
export const INDEX_RECORD_BYTES = 32;

const MAGIC = new TextEncoder().encode("LARESIDX");
const VERSION = 1;

/** Where a segment lies in its stream: what a reader needs to count bytes that were deleted before it came to them. */
export interface IndexHeader {
  /** Bytes of the stream in all segments before this one; 0 also where that is not known. */
  readonly startsAt: number;
  /** Bytes of the closed segment, before compression; 0 while it grows and where that is not known. */
  readonly length: number;
}

/** The 32 bytes that begin every index. */
export function encodeIndexHeader(header: IndexHeader = { startsAt: 0, length: 0 }): Uint8Array {
  const bytes = new Uint8Array(INDEX_RECORD_BYTES);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint32(MAGIC.length, VERSION, true);
  view.setFloat64(16, header.startsAt, true);
  view.setFloat64(24, header.length, true);
  return bytes;
}

/** The header with which `bytes` begin; undefined if they begin no index of a version that this code can read. */
export function decodeIndexHeader(bytes: Uint8Array): IndexHeader | undefined {
  if (bytes.length < INDEX_RECORD_BYTES || MAGIC.some((letter, at) => bytes[at] !== letter)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(MAGIC.length, true) !== VERSION) return undefined;
  return { startsAt: view.getFloat64(16, true), length: view.getFloat64(24, true) };
}

/** Writes one record into `target`, which has room for `INDEX_RECORD_BYTES`. */
export function encodeIndexRecord(record: IndexRecord, target: Uint8Array): void {
  const view = new DataView(target.buffer, target.byteOffset, INDEX_RECORD_BYTES);
  view.setFloat64(0, record.offset, true);
  view.setFloat64(8, record.timeMs, true);
  view.setFloat64(16, record.order, true);
  view.setUint32(24, record.generation, true);
  view.setUint32(28, 0, true);
}

/** Reads the record that begins at byte `at` of `bytes`. */
export function decodeIndexRecord(bytes: Uint8Array, at = 0): IndexRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, INDEX_RECORD_BYTES);
  return {
    offset: view.getFloat64(0, true),
    timeMs: view.getFloat64(8, true),
    order: view.getFloat64(16, true),
    generation: view.getUint32(24, true),
  };
}

/** How many whole records an index of `sizeBytes` holds; a torn last one does not count. */
export function indexRecordCount(sizeBytes: number): number {
  return Math.max(0, Math.floor(sizeBytes / INDEX_RECORD_BYTES) - 1);
}

/** Where record number `ordinal` (from 0) begins. */
export function indexRecordPosition(ordinal: number): number {
  return (ordinal + 1) * INDEX_RECORD_BYTES;
}

/**
 * The first of `count` ordinals for which `isPast` holds, by binary search; `count` if it holds for none.
 *
 * @param isPast must not become false again once it is true
 */
export function firstPast(count: number, isPast: (ordinal: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isPast(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
