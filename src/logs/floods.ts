/** Which of the streams that flood has a thread write for it, and when. */
import { pipeBytes } from "../os/pipes.ts";
import type { Watch } from "../os/poll.ts";
import type { Capture } from "./capture.ts";
import type { Taken } from "./capture-options.ts";
import type { Flights } from "./flights.ts";
import { floodBytesOf, isOver, worthwhileBytesOf } from "./slices.ts";

/** A capture and how it is served. */
export interface Entry {
  readonly capture: Capture;
  watch: Watch | undefined;
  /** Who says when it is served next: the kernel, the clock, the queue, or the thread that writes for it. */
  mode: "watched" | "timed" | "queued" | "flying";
  servedMs: number;
  /** Whether it gave much when it was served last, so that a thread writes for it. */
  isFlooding: boolean;
  /** What threads have written since it was left alone last. */
  flownBytes: number;
  /** How long it is left alone when the clock says. */
  restMs: number;
}

interface FloodsOptions {
  readonly flights: Flights;
  /** Serves a stream: with another batch, if there is enough. */
  readonly takeTurn: (entry: Entry) => void;
  /** Leaves a stream alone for a while. */
  readonly rest: (entry: Entry) => void;
}

/** Streams that are written by threads, as many at once as there are threads to spare, in turn. */
export class Floods {
  readonly #options: FloodsOptions;
  /** Those that wait for a thread. */
  #standby: Entry[] = [];

  constructor(options: FloodsOptions) {
    this.#options = options;
  }

  /** Has a thread write a batch, now or in its turn. @returns false when there is not enough for one */
  fly(entry: Entry): boolean {
    const { capture } = entry;
    const isFlying = this.#options.flights.hasRoom
      ? capture.fly(floodBytesOf(capture), (taken) => this.#landed(entry, taken))
      : this.#standby.push(entry) > 0;
    if (!isFlying) return false;
    if (entry.mode === "watched") entry.watch?.pause();
    entry.mode = "flying";
    return true;
  }

  forget(entry: Entry): void {
    this.#standby = this.#standby.filter((waiting) => waiting !== entry);
  }

  #landed(entry: Entry, taken: Taken): void {
    const { capture } = entry;
    entry.servedMs = performance.now();
    entry.flownBytes += taken.bytes;
    const isFull = taken.bytes >= worthwhileBytesOf(capture);
    if (isOver(capture, taken)) capture.finish();
    else if (taken.bytes === 0 || !this.#flyOn(entry, isFull)) this.#options.rest(entry);
    this.#callStandby();
  }

  #callStandby(): void {
    while (this.#options.flights.hasRoom) {
      const next = this.#standby.shift();
      if (next === undefined) return;
      this.#options.takeTurn(next);
    }
  }

  /** Goes on at once when there is enough again, or, for a quick program, soon. @returns false when there is not */
  #flyOn(entry: Entry, isQuick: boolean): boolean {
    const { capture } = entry;
    const left = pipeBytes(capture.options.fd);
    if (left >= worthwhileBytesOf(capture)) {
      this.#options.takeTurn(entry);
      return true;
    }
    if (!isQuick || capture.isDraining || this.#standby.length > 0) return false;
    return this.#options.flights.nap(() => {
      this.#callStandby();
      if (capture.closed) return;
      const isStillQuick = pipeBytes(capture.options.fd) - left >= floodBytesOf(capture);
      if (!this.#flyOn(entry, isStillQuick)) this.#options.rest(entry);
    });
  }
}
