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

/** A line and its place in the order in which everything was read. */
export interface OrderedLine {
  readonly order: number;
  readonly line: LogLine;
}
