/** Index files: writing beside a growing segment, and looking things up without reading the whole. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs";
import {
  decodeIndexHeader,
  decodeIndexRecord,
  encodeIndexHeader,
  encodeIndexRecord,
  firstPast,
  INDEX_RECORD_BYTES,
  type IndexHeader,
  type IndexRecord,
  indexRecordCount,
  indexRecordPosition,
} from "../protocol/log-index.ts";
import type { Segment } from "./segments.ts";

/** Bytes and milliseconds that may pass without a record of their own when nothing else tells two chunks apart. */
const SPARSE = { bytes: 64 * 1024, ms: 20 };

/**
 * The index of the segment that is being written.
 *
 * It is a help, not a ledger: the segment is complete without it, so an index that cannot be written (a full disk) is
 * silently sparser. A record is written before its bytes, and replaced if none came.
 */
export class IndexWriter {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(INDEX_RECORD_BYTES);
  #count: number;
  #last: IndexRecord | undefined;
  /** Bytes of the stream before this segment. */
  readonly startsAt: number;

  /**
   * @param options.segmentBytes size of the segment: records beyond it are of bytes that are gone
   * @param options.startsAt bytes of the stream before this segment, for an index that is new
   */
  constructor(path: string, options: { readonly segmentBytes: number; readonly startsAt: number }) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o640);
    const known = readHeader(this.#fd);
    this.startsAt = known?.startsAt ?? options.startsAt;
    if (known === undefined) this.#begin();
    this.#count = indexRecordCount(fstatSync(this.#fd).size);
    this.truncate(options.segmentBytes);
  }

  /**
   * Notes where the next bytes come from. Leaves it out if the last record says nearly the same.
   *
   * @param interleaved whether another stream of the slot was read since
   */
  note(record: IndexRecord, interleaved: boolean): boolean {
    const last = this.#last;
    const replaces = last !== undefined && last.offset === record.offset;
    if (last !== undefined && !replaces && !interleaved && isNear(last, record)) return false;
    const at = indexRecordPosition(replaces ? this.#count - 1 : this.#count);
    encodeIndexRecord(record, this.#buffer);
    try {
      writeSync(this.#fd, this.#buffer, 0, INDEX_RECORD_BYTES, at);
    } catch {
      return false;
    }
    if (!replaces) this.#count += 1;
    this.#last = record;
    return true;
  }

  /** Forgets the records at or after `segmentBytes`, because the segment was cut there. */
  truncate(segmentBytes: number): void {
    const kept = firstPast(this.#count, (ordinal) => this.#read(ordinal).offset >= segmentBytes);
    if (kept < this.#count) ftruncateSync(this.#fd, indexRecordPosition(kept));
    this.#count = kept;
    this.#last = kept === 0 ? undefined : this.#read(kept - 1);
  }

  /** Notes that the segment has got its final size. */
  seal(length: number): void {
    this.#writeHeader({ startsAt: this.startsAt, length });
  }

  close(): void {
    closeSync(this.#fd);
  }

  #begin(): void {
    ftruncateSync(this.#fd, 0);
    this.#writeHeader({ startsAt: this.startsAt, length: 0 });
  }

  #writeHeader(header: IndexHeader): void {
    try {
      writeSync(this.#fd, encodeIndexHeader(header), 0, INDEX_RECORD_BYTES, 0);
    } catch {
      // Without a header nobody reads the records; the next segment's index may have better luck.
    }
  }

  #read(ordinal: number): IndexRecord {
    readSync(this.#fd, this.#buffer, 0, INDEX_RECORD_BYTES, indexRecordPosition(ordinal));
    return decodeIndexRecord(this.#buffer);
  }
}

function isNear(last: IndexRecord, next: IndexRecord): boolean {
  return (
    last.generation === next.generation &&
    next.offset - last.offset < SPARSE.bytes &&
    Math.abs(next.timeMs - last.timeMs) < SPARSE.ms
  );
}

/** Records read at a time: one page of memory. */
const PAGE_RECORDS = 4096 / INDEX_RECORD_BYTES;

/** An index as a reader sees it; it may grow meanwhile. */
export class IndexReader {
  readonly #fd: number;
  readonly #page = Buffer.alloc(PAGE_RECORDS * INDEX_RECORD_BYTES);
  #pageFirst = -1;
  #pageBytes = 0;
  #count = 0;
  /** As it was when this was opened. */
  readonly header: IndexHeader;

  private constructor(fd: number, header: IndexHeader) {
    this.#fd = fd;
    this.header = header;
    this.refresh();
  }

  /** Opens the index at `path`; undefined if there is none that can be read. */
  static open(path: string): IndexReader | undefined {
    let fd: number;
    try {
      fd = openSync(path, "r");
    } catch {
      return undefined;
    }
    const header = readHeader(fd);
    if (header !== undefined) return new IndexReader(fd, header);
    closeSync(fd);
    return undefined;
  }

  /** How many records there were at the last `refresh`. */
  get count(): number {
    return this.#count;
  }

  /** Looks how far the index has grown. */
  refresh(): void {
    this.#count = indexRecordCount(fstatSync(this.#fd).size);
    this.#pageFirst = -1;
  }

  /** Which file this is, whatever it is called by now. */
  get inode(): number {
    return fstatSync(this.#fd).ino;
  }

  record(ordinal: number): IndexRecord | undefined {
    if (ordinal < 0 || ordinal >= this.#count) return undefined;
    const first = ordinal - (ordinal % PAGE_RECORDS);
    if (first !== this.#pageFirst) {
      this.#pageBytes = readSync(this.#fd, this.#page, 0, this.#page.length, indexRecordPosition(first));
      this.#pageFirst = first;
    }
    const at = (ordinal - first) * INDEX_RECORD_BYTES;
    return at + INDEX_RECORD_BYTES <= this.#pageBytes ? decodeIndexRecord(this.#page, at) : undefined;
  }

  /** Ordinal of the record that speaks of the byte at `offset`; -1 if none does. */
  covering(offset: number): number {
    return firstPast(this.#count, (ordinal) => (this.record(ordinal)?.offset ?? Infinity) > offset) - 1;
  }

  /** Ordinal of the first record that may hold bytes read at `timeMs` or later; `count` if none does. */
  since(timeMs: number): number {
    return firstPast(this.#count, (ordinal) => (this.record(ordinal)?.order ?? Infinity) >= timeMs * 1000);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function readHeader(fd: number): IndexHeader | undefined {
  const bytes = Buffer.alloc(INDEX_RECORD_BYTES);
  readSync(fd, bytes, 0, INDEX_RECORD_BYTES, 0);
  return decodeIndexHeader(bytes);
}

/** How many bytes the stream has up to the end of a closed segment; 0 without a segment, and where nothing tells. */
export function endInStream(segment: Segment | undefined): number {
  const index = segment && IndexReader.open(segment.indexPath);
  if (segment === undefined || index === undefined) return 0;
  const { startsAt, length } = index.header;
  index.close();
  return startsAt + (length || (segment.compressed ? 0 : sizeOf(segment.path)));
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
