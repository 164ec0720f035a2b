import { noteLimits } from "../os/pipe-note.ts";
import { batchBytesOf, type Flights } from "./flights.ts";
import { untilFull } from "./line-ends.ts";
import { look } from "./look.ts";
import type { SegmentWriter } from "./segment-writer.ts";

/** After a batch could not be written, none is tried for so long. */
const GROUNDED_MS = 1_000;

export interface BatchesOptions {
  /** The read end of the stream's pipe. */
  readonly fd: number;
  readonly generation: number;
  /** What the pipe holds when it is full. */
  readonly pipeBytes: number;
  readonly writer: SegmentWriter;
  readonly flights: Pick<Flights, "isPossible" | "start">;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
}

/** Where one stream is cut into batches that threads write. */
export class Batches {
  readonly #options: BatchesOptions;
  /** The most that goes in one; 0 if the pipe is too small for that. */
  readonly bytesMax: number;
  #groundedUntilMs = -Infinity;

  constructor(options: BatchesOptions) {
    this.#options = options;
    this.bytesMax = batchBytesOf(options.pipeBytes);
  }

  /** Whether it is worth trying. */
  mayStart(nowMs: number): boolean {
    return this.bytesMax > 0 && this.#options.flights.isPossible && nowMs >= this.#groundedUntilMs;
  }

  /**
   * Begins to write what is in the pipe.
   *
   * @param then.isClosed whether the pipe was closed meanwhile
   * @param then.onLanded so many bytes are in the file and no more in the pipe
   * @returns false when it has to be taken in another way
   * @throws what the file system throws
   */
  start(then: { readonly isClosed: () => boolean; readonly onLanded: (bytes: number) => void }): boolean {
    const { fd, generation, writer, flights } = this.#options;
    writer.ensureOpen();
    if (writer.rotateIfDue()) writer.ensureOpen();
    const length = this.#length();
    if (length === 0 || writer.offset >= noteLimits.offset) return false;
    const to = writer.note(generation);
    const { inode, offset } = writer;
    writer.takeOff();
    const onLanded = (written: number) => {
      writer.land(written);
      if (written === 0) this.#groundedUntilMs = this.#options.now() + GROUNDED_MS;
      then.onLanded(written);
    };
    const begun = flights.start({ from: fd, to, inode, offset, length, isClosed: then.isClosed, onLanded });
    if (begun === 0) writer.land(0);
    return begun > 0;
  }

  #length(): number {
    const { fd, writer } = this.#options;
    const { ending } = writer;
    if (ending.room >= this.bytesMax) return this.bytesMax;
    const view = look(fd, this.bytesMax);
    return view === undefined ? 0 : untilFull(view, ending);
  }
}
