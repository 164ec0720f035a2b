/** How much of a stream is moved at a time, where lines may not be cut. */
import { SLICE_BYTES, type Taken } from "./capture-options.ts";
import { restOfLine, wholeLines } from "./line-ends.ts";
import { LOOK_BYTES, look } from "./look.ts";
import type { SegmentWriter } from "./segment-writer.ts";

/** While generations share a file, how long an unfinished line may wait for its end. */
const PATIENCE_MS = 1_000;

export const EMPTY: Taken = { bytes: 0, state: "empty" };
export const ENDED: Taken = { bytes: 0, state: "ended" };
export const WAITING: Taken = { bytes: 0, state: "waiting" };

export interface Portion {
  readonly length: number;
  readonly endsSegment: boolean;
  /** What is moved, where it had to be looked at. */
  readonly view?: Buffer;
}

interface PortionsOptions {
  /** The read end of the stream's pipe. */
  readonly fd: number;
  /** What the pipe holds when it is full. */
  readonly pipeBytes: number;
  readonly writer: Pick<SegmentWriter, "roomBytes" | "ending">;
}

/** Bytes are only looked at where a line has to end: at a full segment, or in a shared file. */
export class Portions {
  readonly #options: PortionsOptions;
  #patientUntilMs = 0;

  constructor(options: PortionsOptions) {
    this.#options = options;
  }

  /** Until when an unfinished line waits for its end; 0 when none does. */
  get patientUntilMs(): number {
    return this.#patientUntilMs;
  }

  /** Something was moved: whoever waits for the end of a line begins anew. */
  moved(): void {
    this.#patientUntilMs = 0;
  }

  /** @returns what to move now, or why nothing can be. @param isHeard somebody waits for a line */
  next(now: { readonly nowMs: number; readonly isShared: boolean; readonly isHeard: boolean }): Portion | Taken {
    const { fd, writer } = this.#options;
    const room = writer.roomBytes;
    if (room > 0 && !now.isShared && !now.isHeard) return { length: Math.min(room, SLICE_BYTES), endsSegment: false };
    const view = look(fd, SLICE_BYTES);
    if (view === undefined) return ENDED;
    if (view.length === 0) return EMPTY;
    if (room <= 0) return { view, ...restOfLine(view, writer.ending) };
    if (!now.isShared) return { view, length: Math.min(room, view.length), endsSegment: false };
    const length = this.#wholeLines(view, { room, nowMs: now.nowMs });
    return length === 0 ? WAITING : { view, length, endsSegment: false };
  }

  /** Another generation writes to the same file: whole lines only, unless the end of one does not come. */
  #wholeLines(view: Buffer, { room, nowMs }: { room: number; nowMs: number }): number {
    const length = wholeLines(view, room);
    if (length > 0) return length;
    if (this.#patientUntilMs === 0) this.#patientUntilMs = nowMs + PATIENCE_MS;
    const full = view.length >= Math.min(LOOK_BYTES, this.#options.pipeBytes);
    return full || nowMs >= this.#patientUntilMs ? view.length : 0;
  }
}
