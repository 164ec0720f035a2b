/** Batches on their way from pipes to files, in threads: neither the loop nor the programs wait for a disk. */
import { fileMark, notePipe, type PipeNote, pipeNote } from "../os/pipe-note.ts";
import { closeFd, createPipe, discard, empty, type Pipe, sleepInThread, spliceInThread, tee } from "../os/pipes.ts";
import { LOOK_BYTES } from "./look.ts";

/** Node's pool has four threads, and others need some of them. */
const FLIGHTS_MAX = 2;
/** In this and the 100 µs that it takes to come back, a program at 1 GB/s fills 3/8 of a pipe of 1 MiB. */
const NAP_US = 300;

/**
 * How much goes at once: at most half of what the pipe holds, so that the program has room to go on writing. Primes, so
 * that what repeats itself in the program's output practically never repeats itself after a batch (see `settle`).
 */
const BATCHES = [524_287, 262_139, 131_071, 65_521, 32_749];

/** The largest batch of a pipe that holds `pipeBytes`; 0 if it is too small to be worth it. */
export function batchBytesOf(pipeBytes: number): number {
  return BATCHES.find((bytes) => bytes <= pipeBytes / 2) ?? 0;
}

/** Which bytes go where. */
export interface FlightRequest {
  /** The read end of the program's pipe. */
  readonly from: number;
  /** At most so many bytes. */
  readonly length: number;
  /** The file, its inode number, and where in it. */
  readonly to: number;
  readonly inode: number;
  readonly offset: number;
  /** Whether `from` was closed meanwhile: the bytes are then left to whoever has the pipe. */
  readonly isClosed: () => boolean;
  /** So many bytes are in the file and no more in the pipe; 0 when they could not be written. */
  readonly onLanded: (written: number) => void;
}

/** Those of a process. */
export class Flights {
  readonly #write: typeof spliceInThread;
  readonly #free: Pipe[] = [];
  #under = 0;
  #areNotesKept: boolean | undefined;
  #isClosed = false;
  readonly #whenIdle: (() => void)[] = [];

  /** @param write injected by tests */
  constructor(write: typeof spliceInThread = spliceInThread) {
    this.#write = write;
  }

  /** Whether this kernel keeps what is needed to find out after a death how far a batch got. */
  get isPossible(): boolean {
    return this.#areNotesKept !== false;
  }

  /** Whether another one may begin now. */
  get hasRoom(): boolean {
    return this.#under < FLIGHTS_MAX;
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    if (this.#under === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle.push(resolve);
    await promise;
  }

  /**
   * Calls back after a nap of a fraction of a millisecond, in which a quick program fills a good part of its pipe; timers
   * of the loop count whole milliseconds, in which it fills all of it and has to wait.
   *
   * @returns false if there is no thread for it
   */
  nap(then: () => void): boolean {
    if (!this.hasRoom) return false;
    this.#under += 1;
    sleepInThread(NAP_US, () => {
      this.#under -= 1;
      then();
      this.#tellIdle();
    });
    return true;
  }

  /** Begins one. @returns how many bytes it takes; 0 if there is nothing to be taken this way */
  start(request: FlightRequest): number {
    if (!this.hasRoom || !this.isPossible) return 0;
    const { from, to, offset } = request;
    const scratch = this.#free.pop() ?? createPipe({ sizeBytes: LOOK_BYTES });
    const length = tee({ from, to: scratch.writeEnd, length: request.length });
    const note = { offset, length, file: fileMark(request.inode) };
    if (length <= 0 || !this.#leaveNote(from, note)) {
      empty(scratch);
      this.#free.push(scratch);
      return 0;
    }
    this.#under += 1;
    this.#write({ from: scratch.readEnd, to, offset, length }, (result) => {
      this.#land(request, { note, scratch, written: Math.max(0, result) });
    });
    return length;
  }

  /** Gives up what those that are under way do not need. */
  close(): void {
    this.#isClosed = true;
    for (const scratch of this.#free.splice(0)) closePipe(scratch);
  }

  #leaveNote(from: number, note: PipeNote): boolean {
    if (!notePipe(from, note)) return false;
    this.#areNotesKept ??= pipeNote(from)?.offset === note.offset;
    return this.#areNotesKept;
  }

  #land(request: FlightRequest, flown: { note: PipeNote; scratch: Pipe; written: number }): void {
    const { note, scratch, written } = flown;
    empty(scratch);
    if (!request.isClosed()) {
      // First: a file that is shorter than the note says is taken to hold what is still in the pipe.
      if (written > 0 && written < note.length) notePipe(request.from, { ...note, length: written });
      discard(request.from, written, scratch);
      notePipe(request.from, undefined);
    }
    if (this.#isClosed) closePipe(scratch);
    else this.#free.push(scratch);
    this.#under -= 1;
    request.onLanded(written);
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#under === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}

function closePipe({ readEnd, writeEnd }: Pipe): void {
  closeFd(readEnd);
  closeFd(writeEnd);
}
