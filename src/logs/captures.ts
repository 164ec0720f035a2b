import { setTimeout } from "node:timers/promises";
import type { LogSpec } from "../core/spec.ts";
import { pipeBytes } from "../os/pipes.ts";
import { watch } from "../os/poll.ts";
import { Capture } from "./capture.ts";
import type { CaptureOptions } from "./capture-options.ts";
import { Flights } from "./flights.ts";
import { type Entry, Floods } from "./floods.ts";
import { Housekeeper } from "./housekeeper.ts";
import { serviceDirectory } from "./names.ts";
import { nextRestMs, Pace } from "./pace.ts";
import { floodBytesOf, isOver, takeSlice } from "./slices.ts";
import { type Trimmed, Trimmer } from "./trim.ts";
import { Wheel } from "./wheel.ts";
import { Writers } from "./writers.ts";

/** How long captures may hold the event loop before others have their turn. */
const TURN_MS = 5;
/** The longest rest of a stream while somebody waits for a line of it, to say that its program is ready. */
const HEARD_LATE_MS = 20;
/** How often quiet streams are looked after: their age, too, closes segments and deletes them. */
const TEND_MS = 10 * 60_000;

export interface CapturesOptions {
  /** The log directory of the home. */
  readonly directory: string;
  /** Wall clock; injected by tests. */
  readonly now?: () => number;
  /** Injected by tests. */
  readonly flights?: Flights;
  /** Closing, compressing or deleting a segment failed; it is tried again later. */
  readonly onError?: (error: Error) => void;
  /** All services together were above their total. */
  readonly onTrimmed?: (trimmed: Trimmed) => void;
}

/**
 * All captures of a process, and who has its turn.
 *
 * A quiet stream is served when it wakes us. A busy one is left alone until its pipe is about half full, for a quarter of a
 * second at most and longer only when there are very many, so that a program that writes line by line costs no more than one that writes in
 * bulk. Nobody holds the loop for long: each stream gives one slice, captures stop after 5 ms, and the rest goes on in the
 * next iteration, round robin.
 */
export class Captures {
  readonly #options: CapturesOptions;
  readonly #housekeeper: Housekeeper;
  readonly #trimmer: Trimmer;
  readonly #writers: Writers;
  readonly #flights: Flights;
  readonly #floods: Floods;
  readonly #pace = new Pace(monotonicMs());
  readonly #entries = new Set<Entry>();
  readonly #resting = new Wheel<Entry>({ now: monotonicMs, onDue: (entry) => this.#takeTurn(entry) });
  #queue: Entry[] = [];
  #turn: NodeJS.Immediate | undefined;
  #turnEndsMs = 0;
  readonly #tending: NodeJS.Timeout;

  constructor(options: CapturesOptions) {
    this.#options = options;
    this.#flights = options.flights ?? new Flights();
    this.#floods = new Floods({
      flights: this.#flights,
      takeTurn: (entry) => this.#takeTurn(entry),
      rest: (entry) => this.#restFromFlight(entry),
    });
    const onError = (error: Error) => options.onError?.(error);
    this.#housekeeper = new Housekeeper(onError);
    this.#trimmer = new Trimmer({
      directory: options.directory,
      totalBytes: () => this.#writers.totalOfAllBytes(),
      onTrimmed: (trimmed) => options.onTrimmed?.(trimmed),
      onError,
    });
    this.#writers = new Writers({
      directory: options.directory,
      now: options.now ?? Date.now,
      onRotated: (directory, limits) => {
        this.#housekeeper.tidy(directory, limits);
        this.#trimmer.ask();
      },
    });
    this.#tending = setInterval(() => this.#tend(), TEND_MS).unref();
  }

  /** Begins to capture a stream. */
  capture(options: CaptureOptions): Capture {
    const capture = new Capture(options, {
      writer: this.#writers.of(options.service, options, options.limits),
      now: monotonicMs,
      flights: this.#flights,
      hurry: () => this.#hurry(entry),
      beforeClose: () => this.#forget(entry),
    });
    const entry: Entry = {
      capture,
      watch: undefined,
      mode: "watched",
      servedMs: 0,
      isFlooding: false,
      flownBytes: 0,
      restMs: 0,
    };
    this.#entries.add(entry);
    entry.watch = watch(options.fd, { readable: true }, () => {
      if (entry.mode === "watched") this.#takeTurn(entry);
    });
    return capture;
  }

  /** Ends the current segments of one service, or of all, each as soon as a line ends. */
  rotate(service?: string): void {
    for (const writer of this.#writers.all(service)) this.#guard(() => writer.askRotation());
  }

  /** Opens files again by their names, for those who moved them away. */
  reopen(service?: string): void {
    for (const writer of this.#writers.all(service)) writer.close();
  }

  /** Applies limits to what a service that may not be running has left. */
  tidy(service: string, limits: LogSpec): void {
    this.#housekeeper.tidy(serviceDirectory(this.#options.directory, service), limits);
  }

  /** Stops at once. What is in the pipes stays there for whoever holds them. */
  close(): void {
    for (const { capture } of this.#entries) capture.close();
    this.#flights.close();
    this.#resting.close();
    clearImmediate(this.#turn);
    clearInterval(this.#tending);
    this.#trimmer.close();
  }

  /** Resolves when what ended is in the files as far as the disk takes it, but after `patienceMs` in any case. */
  async drained(patienceMs: number): Promise<void> {
    const untilMs = monotonicMs() + patienceMs;
    while ([...this.#entries].some(({ capture }) => capture.ending) && monotonicMs() < untilMs) await setTimeout(5);
  }

  /** Resolves when no thread writes, every segment closed so far is compressed, and what has to go is deleted. */
  async settled(): Promise<void> {
    await this.#flights.idle();
    await this.#housekeeper.idle();
    await this.#trimmer.idle();
  }

  /** A disk that fails outside a capture's turn is told of; the turn finds out by itself. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.onError?.(error as Error);
    }
  }

  #tend(): void {
    for (const writer of this.#writers.all()) {
      this.#guard(() => writer.rotateIfDue());
      this.#housekeeper.tidy(writer.directory, writer.limits);
    }
    this.#trimmer.ask();
  }

  #forget(entry: Entry): void {
    this.#writers.release(entry.capture.options.service, entry.capture.options);
    entry.watch?.close();
    entry.watch = undefined;
    this.#entries.delete(entry);
    this.#resting.delete(entry);
    this.#queue = this.#queue.filter((queued) => queued !== entry);
    this.#floods.forget(entry);
  }

  /** Serves a stream now, or later if captures have held the loop long enough. */
  #takeTurn(entry: Entry): void {
    const nowMs = monotonicMs();
    if (this.#turn === undefined) {
      this.#turnEndsMs = nowMs + TURN_MS;
      this.#turn = setImmediate(() => this.#nextTurn());
    }
    if (nowMs < this.#turnEndsMs) this.#serve(entry, nowMs);
    else this.#enqueue(entry);
  }

  #nextTurn(): void {
    this.#turn = undefined;
    const waiting = this.#queue;
    this.#queue = [];
    for (const entry of waiting) this.#takeTurn(entry);
  }

  #serve(entry: Entry, nowMs: number): void {
    const { capture } = entry;
    if ((entry.isFlooding || capture.isDraining) && this.#floods.fly(entry)) return;
    const taken = takeSlice(capture, () => monotonicMs() < this.#turnEndsMs);
    const wakesOften = nowMs - entry.servedMs < this.#pace.busyMs;
    entry.servedMs = nowMs;
    entry.isFlooding = taken.bytes >= floodBytesOf(capture);
    this.#pace.count(taken.bytes, nowMs);
    if (isOver(capture, taken)) capture.finish();
    else if (taken.state === "waiting") this.#later(entry, Math.max(1, capture.retryAtMs - nowMs));
    else if (capture.isDraining && taken.bytes > 0) this.#enqueue(entry);
    else if (taken.bytes === 0 || (entry.mode === "watched" && !wakesOften)) this.#watch(entry);
    else this.#later(entry, this.#rest(entry, taken.bytes));
  }

  /** After batches there is less in the pipe than is worth another one. */
  #restFromFlight(entry: Entry): void {
    const { capture } = entry;
    const restMs = this.#rest(entry, entry.flownBytes + pipeBytes(capture.options.fd));
    this.#later(entry, capture.isDraining ? 0 : Math.max(1, restMs));
    entry.flownBytes = 0;
  }

  /** Serves a stream that nobody writes to any more, without a further rest. */
  #hurry(entry: Entry): void {
    if (entry.mode !== "timed" && entry.mode !== "watched") return;
    this.#resting.delete(entry);
    this.#enqueue(entry);
  }

  #rest(entry: Entry, bytes: number): number {
    const { pipeBytes, isHeard } = entry.capture;
    const lateMs = isHeard ? HEARD_LATE_MS : this.#pace.lateMs;
    entry.restMs = nextRestMs(entry.restMs, { bytes, pipeBytes, lateMs });
    return entry.restMs;
  }

  #watch(entry: Entry): void {
    if (entry.mode === "watched") return;
    entry.mode = "watched";
    entry.watch?.resume();
  }

  #later(entry: Entry, delayMs: number): void {
    if (delayMs < 1) {
      this.#enqueue(entry);
      return;
    }
    if (entry.mode === "watched") entry.watch?.pause();
    entry.mode = "timed";
    this.#resting.add(entry, delayMs);
  }

  #enqueue(entry: Entry): void {
    if (entry.mode === "watched") entry.watch?.pause();
    entry.mode = "queued";
    this.#queue.push(entry);
    this.#turn ??= setImmediate(() => this.#nextTurn());
  }
}

/** A clock that is never set: for everything but the times that people read. */
function monotonicMs(): number {
  return performance.now();
}
