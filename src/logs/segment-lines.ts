import { statSync } from "node:fs";
import { type ByteSource, openBytes } from "./byte-source.ts";
import type { OrderedLine, SegmentPlace } from "./log-line.ts";
import { timeOfMoment } from "./names.ts";
import { IndexReader } from "./offsets.ts";
import { Provenance } from "./provenance.ts";
import type { Segment } from "./segments.ts";

/** A line without an end is given out in pieces of this size. */
const LINE_BYTES_MAX = 1024 * 1024;
const NEWLINE = 0x0a;

interface SegmentStart {
  readonly segment: Segment;
  /** The newest closed segment before it. */
  readonly after: string;
  readonly offset: number;
}

/** One segment's lines from an offset on, each with what the index says of its first byte. */
export class SegmentLines implements SegmentPlace {
  readonly segment: Segment;
  readonly after: string;
  readonly #service: string;
  readonly #bytes: ByteSource;
  readonly #index: IndexReader | undefined;
  readonly #provenance: Provenance;
  /** The unfinished line, and where in the segment it begins. */
  #pending: Buffer = Buffer.alloc(0);
  #pendingAt: number;
  #firstOrder: number | undefined;

  private constructor(service: string, options: SegmentStart & { readonly bytes: ByteSource }) {
    this.#service = service;
    this.segment = options.segment;
    this.after = options.after;
    this.#pendingAt = options.offset;
    this.#bytes = options.bytes;
    this.#index = IndexReader.open(options.segment.indexPath);
    this.#provenance = new Provenance(this.#index, timeOf(options.segment));
  }

  /** @throws what the file system throws: `ENOENT` when the segment was compressed or deleted meanwhile */
  static async open(service: string, options: SegmentStart & { readonly memory: Buffer }): Promise<SegmentLines> {
    const bytes = await openBytes(options.segment, options);
    return new SegmentLines(service, { ...options, bytes });
  }

  get firstOrder(): number | undefined {
    this.#firstOrder ??= this.#index?.record(0)?.order;
    return this.#firstOrder;
  }

  get startsAt(): number | undefined {
    return this.#index?.header.startsAt;
  }

  /** Whether `other`, under another name, is the file that is open here. */
  isSameAs(other: Segment): boolean {
    return (
      this.#bytes.inode === inodeOf(other.path) ||
      (this.#index !== undefined && this.#index.inode === inodeOf(other.indexPath))
    );
  }

  /** The lines that the next chunk ends; undefined if there are no more bytes now. */
  async read(): Promise<OrderedLine[] | undefined> {
    const chunk = await this.#bytes.read();
    if (chunk.length === 0) return undefined;
    // After the bytes: their records were written before them.
    this.#provenance.refresh();
    return this.#split(this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]));
  }

  /** What is left at the end of a segment that grows no more: a line without a newline. */
  rest(): OrderedLine[] {
    const rest = this.#pending;
    if (rest.length === 0) return [];
    const line = this.#line(rest, { begin: this.#pendingAt, end: this.#pendingAt + rest.length });
    this.#pendingAt += rest.length;
    this.#pending = Buffer.alloc(0);
    return [line];
  }

  async close(): Promise<void> {
    this.#index?.close();
    await this.#bytes.close();
  }

  #split(bytes: Buffer): OrderedLine[] {
    const lines: OrderedLine[] = [];
    const base = this.#pendingAt;
    let from = 0;
    let newline = bytes.indexOf(NEWLINE);
    while (from < bytes.length) {
      const end = newline < 0 ? bytes.length : newline + 1;
      // What a generation left unfinished is a line of its own, although no newline says so.
      const change = this.#provenance.generationChange(base + from, base + end) - base;
      const whole = change < end || newline >= 0;
      if (!whole && end - from < LINE_BYTES_MAX) break;
      const stop = Math.min(change, newline < 0 ? end : newline);
      const next = Math.min(change, end);
      lines.push(this.#line(bytes.subarray(from, stop), { begin: base + from, end: base + next }));
      from = next;
      if (from > newline) newline = newline < 0 ? -1 : bytes.indexOf(NEWLINE, from);
    }
    this.#pending = Buffer.from(bytes.subarray(from));
    this.#pendingAt = base + from;
    return lines;
  }

  #line(bytes: Buffer, { begin, end }: { readonly begin: number; readonly end: number }): OrderedLine {
    const { order, timeMs, generation } = this.#provenance.at(begin);
    const { slot, stream } = this.segment;
    const text = bytes.toString("utf8");
    return {
      order,
      line: { service: this.#service, slot, stream, generation, timeMs, text },
      segment: this,
      begin,
      end,
    };
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** For a segment without an index: when it was closed, or last written to. */
function timeOf(segment: Segment): number {
  if (segment.rotatedAt !== null) return timeOfMoment(segment.rotatedAt);
  return Math.floor(statSync(segment.path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}
