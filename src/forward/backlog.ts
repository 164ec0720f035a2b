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
    reading.finish();
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
  readonly #reached = new Map<string, Reached>();
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
    const reached = this.#reached.get(name) ?? this.#begin(name, head);
    if (reached.head.segment !== head.segment) this.#look(name, { reached, head });
    reached.head = head;
    reached.total = head.segment.startsAt === undefined ? reached.total + size : head.segment.startsAt + head.end;
    reached.timeNs = laterThan(reached.timeNs, head.line.timeMs);
    this.#entries.push({ ...head.line, timeNs: reached.timeNs });
    this.#bytes += size;
    return true;
  }

  /** Notes where everything ends that was taken. What is left of a segment that was read to its end may be deleted then. */
  finish(): void {
    for (const [name, reached] of this.#reached) this.#marks[name] = markBehind(reached);
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

  /** The first line of a stream in this batch. */
  #begin(name: string, head: OrderedLine): Reached {
    const mark = this.#marks[name];
    const reached = { head, total: mark?.total ?? 0, timeNs: BigInt(mark?.timeNs ?? "0") };
    this.#reached.set(name, reached);
    if (mark !== undefined) this.#look(name, { reached, head });
    return reached;
  }

  /** Whether the first line of a segment follows what was taken last, or something is missing. */
  #look(name: string, { reached, head }: { readonly reached: Reached; readonly head: OrderedLine }): void {
    const { segment, begin } = head;
    const step = segment.startsAt === undefined ? 0 : segment.startsAt + begin - reached.total;
    const stream = this.#streams.get(name);
    if (step > 0 && this.#lostBytes !== null) this.#lostBytes += step;
    else if (stream?.found === false) this.#lostBytes = null;
    if (stream !== undefined) stream.found = true;
  }
}

/** How far a stream was taken. */
interface Reached {
  /** The last line. */
  head: OrderedLine;
  /** Bytes of the stream up to its end. */
  total: number;
  timeNs: bigint;
}

/** The time of a line: its own, but later than that of the line before it. */
function laterThan(beforeNs: bigint, timeMs: number): bigint {
  const ownNs = BigInt(Math.floor(timeMs)) * 1_000_000n;
  return ownNs > beforeNs ? ownNs : beforeNs + 1n;
}

function markBehind({ head, total, timeNs }: Reached): StreamMark {
  const { segment, order, begin, end } = head;
  const place = { after: segment.after, firstOrder: segment.firstOrder ?? null, offset: end };
  return { ...place, lineAt: begin, lineOrder: order, total, timeNs: String(timeNs) };
}
