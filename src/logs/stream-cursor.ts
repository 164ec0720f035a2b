import type { OrderedLine } from "./log-line.ts";
import type { StreamKey } from "./names.ts";
import { SegmentLines } from "./segment-lines.ts";
import { listSegments, type Segment } from "./segments.ts";

/** Where in a row of segments to begin. */
export interface Position {
  readonly segment: Segment;
  /** In bytes before compression. */
  readonly offset: number;
}

export interface CursorOptions {
  readonly service: string;
  /** That of the service. */
  readonly directory: string;
  readonly key: StreamKey;
  /** Undefined: at the oldest segment. */
  readonly start: Position | undefined;
  /** Its segments, where they were just listed. */
  readonly segments?: readonly Segment[];
  /** Hold back a line without an end until it ends. */
  readonly follow: boolean;
  /** What to read into; cursors that read in turns share it. */
  readonly memory: Buffer;
}

/**
 * The lines of one stream, from segment to segment, also while they are rotated and compressed under it.
 *
 * A segment that is open stays readable whatever becomes of its name. Which one follows is told by the names: those of
 * closed segments sort by time, so it is the first above the last one read, or the one being written if there is none.
 */
export class StreamCursor {
  readonly #options: CursorOptions;
  #start: Position | undefined;
  /** For the first look: where streams are many, listing them all again for each takes longest. */
  #listed: readonly Segment[] | undefined;
  #current: SegmentLines | undefined;
  /** The newest closed segment that is behind us. */
  #passed = "";
  #lines: OrderedLine[] = [];
  #next = 0;

  constructor(options: CursorOptions) {
    this.#options = options;
    this.#start = options.start;
    this.#listed = options.segments;
    const startsAt = options.start?.segment;
    if (startsAt !== undefined) this.#passed = lastBefore(this.#listed ?? this.#segments(), startsAt);
  }

  /** The newest closed segment all of whose lines were given out; empty if there is none. */
  get passed(): string {
    return this.#passed;
  }

  /** The next line, once `fill` found one. */
  get head(): OrderedLine | undefined {
    return this.#lines[this.#next];
  }

  /** Drops the head. */
  shift(): void {
    this.#next += 1;
  }

  /** Makes `head` defined. @returns false if there is no line now */
  async fill(): Promise<boolean> {
    while (this.head === undefined) {
      this.#current ??= await this.#openNext();
      if (this.#current === undefined) return false;
      const lines = await this.#current.read();
      if (lines !== undefined) this.#give(lines);
      else if (!(await this.#pass(this.#current))) return this.head !== undefined;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#current?.close();
    this.#current = undefined;
  }

  /** At the end of a segment's bytes: goes beyond it if it is closed. @returns whether there may be more */
  async #pass(current: SegmentLines): Promise<boolean> {
    let closedAs = current.segment.rotatedAt;
    if (closedAs === null) {
      const live = this.#segments().find((segment) => segment.rotatedAt === null);
      if (live !== undefined && current.isSameAs(live)) {
        if (!this.#options.follow) this.#give(current.rest());
        return false;
      }
      // Renamed or removed: nobody writes to it any more, but there may be bytes from just before.
      const last = await current.read();
      if (last !== undefined) {
        this.#give(last);
        return true;
      }
      closedAs = this.#nameOf(current) ?? this.#passed;
    }
    this.#give(current.rest());
    this.#passed = closedAs;
    await this.close();
    return true;
  }

  /** Under which name the segment that was being written has been closed; undefined if others took it away. */
  #nameOf(current: SegmentLines): string | undefined {
    const next = this.#closedAbove(this.#passed)[0];
    return next !== undefined && current.isSameAs(next) ? (next.rotatedAt ?? undefined) : undefined;
  }

  async #openNext(): Promise<SegmentLines | undefined> {
    for (;;) {
      const listed = this.#listed ?? this.#segments();
      this.#listed = undefined;
      const next = closedAbove(listed, this.#passed)[0] ?? listed.find((one) => one.rotatedAt === null);
      if (next === undefined) return undefined;
      const opened = await this.#open(next);
      // Rotated between looking and opening: what we opened is not what we looked for.
      const stale = next.rotatedAt === null && this.#closedAbove(this.#passed).length > 0;
      if (opened !== undefined && !stale) {
        this.#start = undefined;
        return opened;
      }
      await opened?.close();
    }
  }

  async #open(segment: Segment): Promise<SegmentLines | undefined> {
    const startsAs = this.#start?.segment.rotatedAt;
    // What was being written when the start was found may have been closed since; it is the first behind what is passed.
    const isStart = startsAs === null || startsAs === segment.rotatedAt;
    try {
      const { service, memory } = this.#options;
      const offset = isStart ? (this.#start?.offset ?? 0) : 0;
      return await SegmentLines.open(service, { segment, after: this.#passed, offset, memory });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  #closedAbove(moment: string): Segment[] {
    return closedAbove(this.#segments(), moment);
  }

  #segments(): Segment[] {
    return listSegments(this.#options.directory, this.#options.key);
  }

  #give(lines: OrderedLine[]): void {
    this.#lines = this.#next < this.#lines.length ? [...this.#lines.slice(this.#next), ...lines] : lines;
    this.#next = 0;
  }
}

function closedAbove(segments: readonly Segment[], moment: string): Segment[] {
  return segments.filter((segment) => segment.rotatedAt !== null && segment.rotatedAt > moment);
}

function lastBefore(segments: readonly Segment[], startsAt: Segment): string {
  const closed = segments.flatMap((segment) => segment.rotatedAt ?? []);
  return closed.filter((moment) => startsAt.rotatedAt === null || moment < startsAt.rotatedAt).at(-1) ?? "";
}
