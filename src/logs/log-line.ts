import type { StreamName } from "./names.ts";

/** One line as a reader gets it, without its newline. */
export interface LogLine {
  readonly service: string;
  readonly slot: number;
  readonly stream: StreamName;
  /** Which start of the slot wrote it; 0 if there is no index. */
  readonly generation: number;
  /** When it was read from the program, in milliseconds since 1970, as exact as the index is dense. */
  readonly timeMs: number;
  /** UTF-8; bytes that are not are shown as U+FFFD. A line above 1 MiB comes in pieces. */
  readonly text: string;
}

/** A line, its place in the order in which everything was read, and its place in its segment. */
export interface OrderedLine {
  readonly order: number;
  readonly line: LogLine;
  readonly segment: SegmentPlace;
  /** Where in the segment it begins and, with its newline, ends; in bytes before compression. */
  readonly begin: number;
  readonly end: number;
}

/** What tells a segment from others, whatever it is called by now. */
export interface SegmentPlace {
  /** The newest closed segment before it; empty if there was none. */
  readonly after: string;
  /** The order of its first bytes; undefined where no index tells. */
  readonly firstOrder: number | undefined;
  /** Bytes of the stream before it; undefined where no index tells. */
  readonly startsAt: number | undefined;
}
