import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { LogSpec } from "../core/spec.ts";
import { readEnd, type SegmentEnd } from "./last-words.ts";
import type { SegmentEnding } from "./line-ends.ts";
import { momentOf, type SegmentName, type StreamKey, segmentFileName, timeOfMoment } from "./names.ts";
import { endInStream, IndexWriter } from "./offsets.ts";
import type { ReadOrder, SlotOrder } from "./order.ts";
import { listSegments, segmentsOf } from "./segments.ts";

/** A segment is closed at this share of `maxAgeMs`, so that deleting whole segments by age is precise enough. */
const AGE_SHARE = 1 / 8;
/** How often the name on disk is compared with the open file, and the size with ours. */
const CHECK_NAME_MS = 1_000;
const CHECK_SIZE_MS = 20;
const NEWLINE = 0x0a;

/** What a segment writer needs from the process it runs in. */
export interface WriterContext {
  readonly order: ReadOrder;
  readonly slotOrder: SlotOrder;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  /** Called after each rotation: time to compress and to delete. */
  readonly onRotated: () => void;
}

interface OpenSegment {
  readonly fd: number;
  readonly index: IndexWriter;
  readonly inode: number;
  readonly bornMs: number;
}

/**
 * The file that one stream of a slot is written to, and its rotation.
 *
 * The file is the ledger: its size says how much was taken out of the pipe, so nothing has to be repaired after a crash.
 * Overlapping generations of a slot share one writer. The file is opened at the first byte, and may be moved, deleted or cut
 * by others at any time.
 */
export class SegmentWriter {
  readonly directory: string;
  /** May be replaced while running; holds from the next byte on. */
  limits: LogSpec;
  /** How many captures write here: overlapping generations share. */
  sharers = 0;
  /** Whether a thread writes to the file: nobody else may, and it stays open. */
  isFlying = false;
  readonly #key: StreamKey;
  readonly #context: WriterContext;
  #open: OpenSegment | undefined;
  #offset = 0;
  /** Bytes of the stream in all segments that were closed. */
  #streamBytes = 0;
  #notedOrder = 0;
  #checkedNameMs = 0;
  #checkedSizeMs = 0;
  #rotationAsked = false;
  #closeAsked = false;
  #lastClosed: { readonly moment: string; readonly end: SegmentEnd } | undefined;

  /** @param directory that of the service; made if it is missing */
  constructor(directory: string, options: { key: StreamKey; limits: LogSpec; context: WriterContext }) {
    this.directory = directory;
    this.limits = options.limits;
    this.#key = { slot: options.key.slot, stream: options.key.stream };
    this.#context = options.context;
  }

  /** Whether the file is open, so that `offset` and `roomBytes` speak of it. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /**
   * Opens the file, or looks whether it is still the one of that name.
   *
   * @throws what the file system throws
   */
  ensureOpen(): void {
    this.#ensureOpen(this.#context.now());
  }

  /** Notes in the index whose the next bytes are. @returns the descriptor to write them to, at `offset` */
  note(generation: number): number {
    const timeMs = this.#context.now();
    const open = this.#ensureOpen(timeMs);
    const { order, slotOrder } = this.#context;
    const record = { offset: this.#offset, timeMs, order: order.next(timeMs), generation };
    if (open.index.note(record, slotOrder.last !== this.#notedOrder)) {
      this.#notedOrder = record.order;
      slotOrder.last = record.order;
    }
    return open.fd;
  }

  /** Inode number of the file. Valid while it is open. */
  get inode(): number {
    return this.#open?.inode ?? 0;
  }

  /** A thread begins to write at `offset`. */
  takeOff(): void {
    this.isFlying = true;
  }

  /** The thread has written so many bytes. */
  land(written: number): void {
    this.isFlying = false;
    this.#offset += written;
    if (this.#closeAsked) this.close();
  }

  /** Where the next byte goes. Valid while it is open. */
  get offset(): number {
    return this.#offset;
  }

  /** Tells that this many bytes were written at `offset`. */
  advance(bytes: number): void {
    this.#offset += bytes;
  }

  /** Bytes until this segment is full. Not above 0: end it with the line. */
  get roomBytes(): number {
    const open = this.#open;
    if (open === undefined) return this.limits.maxSizeBytes;
    const tooOld = this.#context.now() - open.bornMs > this.limits.maxAgeMs * AGE_SHARE;
    return this.#rotationAsked || tooOld ? 0 : this.limits.maxSizeBytes - this.#offset;
  }

  /** How this segment is to end. Valid while it is open. */
  get ending(): SegmentEnding {
    return { room: this.roomBytes, untilTorn: Math.max(1, 2 * this.limits.maxSizeBytes - this.#offset) };
  }

  /** Whether the last byte is a newline. An empty segment ends a line, too. */
  endsLine(): boolean {
    if (this.#open === undefined || this.#offset === 0) return true;
    const last = Buffer.alloc(1);
    readSync(this.#open.fd, last, 0, 1, this.#offset - 1);
    return last[0] === NEWLINE;
  }

  /** Ends a segment that is full or old, if it ends a line. @returns whether it did */
  rotateIfDue(): boolean {
    if (this.#open === undefined || this.isFlying || this.#offset === 0 || this.roomBytes > 0 || !this.endsLine())
      return false;
    this.rotate();
    return true;
  }

  /** Asks for a rotation as soon as a line ends. */
  askRotation(): void {
    this.#open ??= existsSync(this.#path(null, "log")) ? this.#openLive(this.#context.now()) : undefined;
    if (this.#open === undefined || this.#offset === 0) return;
    this.#rotationAsked = true;
    this.rotateIfDue();
  }

  /**
   * Closes the segment under a name of its own. The log goes first, then its index: a crash in between leaves an index
   * without a log, which `#openLive` puts right.
   */
  rotate(): void {
    if (this.#offset === 0) return;
    this.#open?.index.seal(this.#offset);
    const end = this.#open && readEnd(this.#open.fd);
    this.close();
    const moment = this.#freeMoment();
    renameSync(this.#path(null, "log"), this.#path(moment, "log"));
    renameIfThere(this.#path(null, "idx"), this.#path(moment, "idx"));
    this.#lastClosed = end && { moment, end };
    this.#context.onRotated();
  }

  /** Cuts the segment back to its last whole line, looking at most `reachBytes` back. @returns how many bytes went */
  cutPartialLine(reachBytes: number): Buffer {
    const open = this.#open;
    if (open === undefined) return Buffer.alloc(0);
    const length = Math.min(reachBytes, this.#offset);
    const tail = Buffer.alloc(length);
    readSync(open.fd, tail, 0, length, this.#offset - length);
    const newline = tail.lastIndexOf(NEWLINE);
    if (newline < 0 && length < this.#offset) return Buffer.alloc(0);
    const partial = tail.subarray(newline + 1);
    this.cutTo(this.#offset - partial.length);
    return partial;
  }

  /** The last bytes of the segment closed at `moment`, if it was the last one: it is soon compressed, and dear to read. */
  endOfClosed(moment: string): SegmentEnd | undefined {
    return this.#lastClosed?.moment === moment ? this.#lastClosed.end : undefined;
  }

  /** Closes the file; the next byte opens it again by name. */
  close(): void {
    if (this.#open === undefined) return;
    this.#closeAsked = this.isFlying;
    if (this.isFlying) return;
    closeSync(this.#open.fd);
    this.#streamBytes = this.#open.index.startsAt + this.#offset;
    this.#open.index.close();
    this.#open = undefined;
    this.#rotationAsked = false;
  }

  #ensureOpen(timeMs: number): OpenSegment {
    this.#check(timeMs);
    this.#open ??= this.#openLive(timeMs);
    return this.#open;
  }

  #openLive(timeMs: number): OpenSegment {
    mkdirSync(this.directory, { recursive: true, mode: 0o750 });
    if (!existsSync(this.#path(null, "log"))) this.#finishRotation();
    const known = statSync(this.#path(null, "log"), { throwIfNoEntry: false });
    // The index comes first, so that whoever can open a log finds its index.
    // Only once: a stream may have thousands of segments, and rotate hundreds of times a second.
    if (this.#lastClosed === undefined)
      this.#streamBytes = Math.max(this.#streamBytes, endInStream(this.#rotated().at(-1)));
    const startsAt = this.#streamBytes;
    const index = new IndexWriter(this.#path(null, "idx"), { segmentBytes: known?.size ?? 0, startsAt });
    try {
      // Not O_APPEND: splice(2) refuses such files.
      const fd = openSync(this.#path(null, "log"), constants.O_RDWR | constants.O_CREAT, 0o640);
      const { size, ino: inode } = fstatSync(fd);
      this.#offset = size;
      this.#checkedNameMs = this.#checkedSizeMs = timeMs;
      return { fd, index, inode, bornMs: this.#offset === 0 ? timeMs : (known?.birthtimeMs ?? timeMs) };
    } catch (error) {
      index.close();
      throw error;
    }
  }

  /** An index without its log: either a rotation was interrupted between the two, or others took the log away. */
  #finishRotation(): void {
    // After every rotation there is neither. Looking at all segments each time would take longer and longer.
    if (!existsSync(this.#path(null, "idx"))) return;
    const newest = this.#rotated().at(-1);
    if (newest !== undefined && !existsSync(newest.indexPath)) renameIfThere(this.#path(null, "idx"), newest.indexPath);
    rmSync(this.#path(null, "idx"), { force: true });
  }

  /** Notices what others did to the file: moved or deleted means a new one, cut means to go on at its new end. */
  #check(timeMs: number): void {
    if (this.#open === undefined) return;
    if (Math.abs(timeMs - this.#checkedSizeMs) < CHECK_SIZE_MS) return;
    this.#checkedSizeMs = timeMs;
    const own = fstatSync(this.#open.fd);
    if (own.size < this.#offset) this.#cutTo(this.#open, own.size);
    if (Math.abs(timeMs - this.#checkedNameMs) < CHECK_NAME_MS) return;
    this.#checkedNameMs = timeMs;
    const named: Stats | undefined = statSync(this.#path(null, "log"), { throwIfNoEntry: false });
    if (named?.ino !== own.ino || named.dev !== own.dev) this.close();
  }

  /** Forgets what is in the file beyond `size`. */
  cutTo(size: number): void {
    if (this.#open === undefined) return;
    ftruncateSync(this.#open.fd, size);
    this.#cutTo(this.#open, size);
  }

  #cutTo(open: OpenSegment, size: number): void {
    this.#offset = size;
    open.index.truncate(size);
  }

  /** A moment above every one in use, also after the wall clock was set back. */
  #freeMoment(): string {
    // Nobody else closes segments of this stream: it only has to be looked up once.
    const newest = this.#lastClosed?.moment ?? this.#rotated().at(-1)?.rotatedAt ?? null;
    const floorMs = newest === null ? 0 : timeOfMoment(newest) + 1;
    return momentOf(Math.max(Math.floor(this.#context.now()), floorMs));
  }

  #rotated() {
    return segmentsOf(listSegments(this.directory), this.#key).filter((segment) => segment.rotatedAt !== null);
  }

  #path(rotatedAt: string | null, kind: SegmentName["kind"]): string {
    return join(this.directory, segmentFileName({ ...this.#key, rotatedAt, kind }));
  }
}

function renameIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}
