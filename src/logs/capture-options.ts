/** What a capture is given, and what its turns come to. */
import type { LogSpec } from "../core/spec.ts";
import type { Flights } from "./flights.ts";
import type { StreamName } from "./names.ts";
import type { PressureReport } from "./pressure.ts";
import type { SegmentWriter } from "./segment-writer.ts";

/** The most that is taken from one stream before others have their turn. */
export const SLICE_BYTES = 1024 * 1024;
/** What is captured, and who wants to hear of it. */
export interface CaptureOptions {
  /** The read end of the stream's pipe. The capture owns it and closes it at the end. */
  readonly fd: number;
  readonly service: string;
  readonly slot: number;
  readonly stream: StreamName;
  readonly generation: number;
  readonly limits: LogSpec;
  /** The stream has ended, everything is in the file, `fd` is closed. */
  readonly onEnd?: () => void;
  readonly onPressure?: (report: PressureReport) => void;
}

/** What one turn came to. */
export interface Taken {
  /** Taken out of the pipe, be it to the file or away. */
  readonly bytes: number;
  /**
   * `flowing`: there is more. `empty`: that was all for now. `waiting`: the rest stays in the pipe, not before `retryAtMs`.
   */
  readonly state: "flowing" | "empty" | "ended" | "waiting";
}

/** What a capture gets from the one who schedules it. */
export interface CaptureContext {
  readonly writer: SegmentWriter;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
  readonly flights: Pick<Flights, "isPossible" | "start">;
  /** There is so much left that it is to be taken in its turns, the next of them soon. */
  readonly hurry: () => void;
  /** Last chance to stop watching the descriptor. */
  readonly beforeClose: () => void;
}
