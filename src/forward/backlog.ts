import type { LogLine, OrderedLine } from "../logs/log-line.ts";
import { merge } from "../logs/merge.ts";
import { type StreamKey, serviceDirectory } from "../logs/names.ts";
import { listSegments, segmentsOf } from "../logs/segments.ts";
import { StreamCursor } from "../logs/stream-cursor.ts";
import type { StreamMark } from "./bookmark.ts";
import { markAtEnd, resume } from "./resume.ts";

/** What goes in one delivery. */
const BATCH_BYTES_MAX = 1024 * 1024;
const BATCH_LINES_MAX = 5000;
/** What is read into; shared by all, since nothing is kept in it from one read to the next. */
const memory = Buffer.allocUnsafe(64 * 1024);

type Marks = Readonly<Record<string, StreamMark>>;

/** A line, with a time of its own: later in its stream than that of any line before it. */
export interface Entry extends LogLine {
  /** Nanoseconds since 1970. The same whenever the line is read again. */
  readonly timeNs: bigint;
}

/** Lines that were read and not delivered yet. */
export interface Batch {
  readonly entries: readonly Entry[];
  readonly bytes: number;
  /** Whether there is more to be had at once. */
  readonly isFull: boolean;
  /** The places behind it, to be saved once it was delivered. */
  readonly marks: Marks;
  /** Bytes that were deleted before they were read; null when there were some and nothing tells how many. */
  readonly lostBytes: number | null;
}

interface Stream {
  readonly key: StreamKey;
  readonly cursor: StreamCursor;
  /** Whether it goes on where its mark says. */
  found: boolean;
}

/** What one sink of a service has still to get: the lines of all streams of all slots, in the order they were written. */
export class Backlog {
  readonly #service: string;
  readonly #directory: string;
  #marks: Marks;
  readonly #streams = new Map<string, Stream>();

  constructor(options: { readonly logDirectory: string; readonly service: string; readonly marks: Marks }) {
    this.#service = options.service;
    this.#directory = serviceDirectory(options.logDirectory, options.service);
    this.#marks = options.marks;
  }

  get marks(): Marks {
    return this.#marks;
  }

  /** Passes over all that is stored now. */
  skipStored(): void {
    for (const key of this.#keys()) this.#mark(nameOf(key), markAtEnd(segmentsOf(listSegments(this.#directory), key)));
  }

  /** The next lines, as many as go together. Without `commit` they are still to come after a `rewind`. */
  async read(): Promise<Batch> {
    this.#addStreams();
    const reading = new Reading(this.#marks, this.#streams);
    for await (const head of merge([...this.#streams.values()].map(({ cursor }) => cursor))) {
      if (!reading.take(head)) break;
    }
    reading.passSegments();
    return reading.batch();
  }

  /** What was read is behind us. */
  commit(marks: Marks): void {
    this.#marks = marks;
    for (const stream of this.#streams.values()) stream.found = true;
  }

  /** Begins again behind what was committed last. */
  async rewind(): Promise<void> {
    for (const { cursor } of this.#streams.values()) await cursor.close();
    this.#streams.clear();
  }

  #addStreams(): void {
    for (const key of this.#keys()) {
      const name = nameOf(key);
      if (this.#streams.has(name)) continue;
      const mark = this.#marks[name];
      const segments = segmentsOf(listSegments(this.#directory), key);
      const { start, found } = mark === undefined ? { start: undefined, found: true } : resume(segments, mark);
      const of = { service: this.#service, directory: this.#directory, key, memory };
      this.#streams.set(name, { key, cursor: new StreamCursor({ ...of, start, follow: true }), found });
    }
  }

  #keys(): readonly StreamKey[] {
    const keys = new Map<string, StreamKey>();
    for (const { slot, stream } of listSegments(this.#directory)) keys.set(nameOf({ slot, stream }), { slot, stream });
    return [...keys.values()];
  }

  #mark(name: string, mark: StreamMark): void {
    this.#marks = { ...this.#marks, [name]: mark };
  }
}

/** The name of a stream in a bookmark. */
export function nameOf({ slot, stream }: StreamKey): string {
  return `${slot}.${stream}`;
}

/** One batch in the making. */
class Reading {
  readonly #marks: Record<string, StreamMark>;
  readonly #streams: ReadonlyMap<string, Stream>;
  readonly #entries: Entry[] = [];
  readonly #reached = new Map<string, OrderedLine>();
  #bytes = 0;
  #isFull = false;
  #lostBytes: number | null = 0;

  constructor(marks: Marks, streams: ReadonlyMap<string, Stream>) {
    this.#marks = { ...marks };
    this.#streams = streams;
  }

  /** @returns false, without having taken the line, when the batch is full */
  take(head: OrderedLine): boolean {
    const size = head.end - head.begin;
    const isFirst = this.#entries.length === 0;
    if (!isFirst && (this.#bytes + size > BATCH_BYTES_MAX || this.#entries.length >= BATCH_LINES_MAX)) {
      this.#isFull = true;
      return false;
    }
    const name = nameOf(head.line);
    const before = this.#marks[name];
    if (this.#reached.get(name)?.segment !== head.segment) this.#look(name, head);
    const mark = markBehind(head, before);
    this.#marks[name] = mark;
    this.#reached.set(name, head);
    this.#entries.push({ ...head.line, timeNs: BigInt(mark.timeNs) });
    this.#bytes += size;
    return true;
  }

  /** A closed segment that was read to its end may be deleted from now on, without anything being lost. */
  passSegments(): void {
    for (const [name, { cursor }] of this.#streams) {
      const mark = this.#marks[name];
      if (mark === undefined || cursor.head !== undefined || cursor.passed <= mark.after) continue;
      this.#marks[name] = { ...mark, after: cursor.passed, firstOrder: null, offset: 0, lineAt: 0 };
    }
  }

  batch(): Batch {
    return {
      entries: this.#entries,
      bytes: this.#bytes,
      isFull: this.#isFull,
      marks: this.#marks,
      lostBytes: this.#lostBytes,
    };
  }

  /** The first line of a segment: whether it follows the one before without a gap. */
  #look(name: string, { segment, begin }: OrderedLine): void {
    const mark = this.#marks[name];
    if (mark === undefined) return;
    const step = segment.startsAt === undefined ? 0 : segment.startsAt + begin - mark.total;
    const stream = this.#streams.get(name);
    if (step > 0 && this.#lostBytes !== null) this.#lostBytes += step;
    else if (stream?.found === false) this.#lostBytes = null;
    if (stream !== undefined) stream.found = true;
  }
}

function markBehind({ line, order, segment, begin, end }: OrderedLine, before: StreamMark | undefined): StreamMark {
  const atLeast = BigInt(Math.floor(line.timeMs)) * 1_000_000n;
  const next = BigInt(before?.timeNs ?? "0") + 1n;
  return {
    after: segment.after,
    firstOrder: segment.firstOrder ?? null,
    offset: end,
    lineAt: begin,
    lineOrder: order,
    total: segment.startsAt === undefined ? (before?.total ?? 0) + end - begin : segment.startsAt + end,
    timeNs: String(atLeast > next ? atLeast : next),
  };
}
