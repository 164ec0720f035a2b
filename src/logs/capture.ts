import { closeSync } from "node:fs";
import type { LogSpec } from "../core/spec.ts";
import { errnoOf } from "../os/libc.ts";
import { pipeBytes, pipeCapacity } from "../os/pipes.ts";
import { Batches } from "./batches.ts";
import { type CaptureContext, type CaptureOptions, SLICE_BYTES, type Taken } from "./capture-options.ts";
import { lastWords, unreadWords } from "./last-words.ts";
import { LineWatchers } from "./line-splitter.ts";
import { look } from "./look.ts";
import { consume, moveToFile } from "./move.ts";
import { EMPTY, ENDED, Portions, WAITING } from "./portions.ts";
import { Pressure } from "./pressure.ts";
import { TokenBucket } from "./rate.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { settle, settleNow } from "./settle.ts";

/** So little is written at once wherever it is not to be missed; more may have to wait for the disk. */
const BRIEF_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** One stream of one instance on its way from a pipe to a file. Keeps no bytes; `Captures` says when it has its turn. */
export class Capture {
  readonly options: CaptureOptions;
  /** What the pipe holds when it is full. */
  readonly pipeBytes: number;
  readonly #context: CaptureContext;
  readonly #writer: SegmentWriter;
  readonly #now: () => number;
  readonly #pressure: Pressure;
  readonly #batches: Batches;
  readonly #portions: Portions;
  readonly #watchers = new LineWatchers();
  #bucket: TokenBucket | undefined;
  #writtenBytes = 0;
  #isSettled: boolean;
  #ending = false;
  /** What is still to be taken of what was there at `drain` or `end`. */
  #leftBytes = 0;
  #onDrained: (() => void) | undefined;
  #closed = false;

  constructor(options: CaptureOptions, context: CaptureContext) {
    this.options = options;
    this.pipeBytes = pipeCapacity(options.fd);
    this.#context = context;
    this.#writer = context.writer;
    this.#now = context.now;
    this.#pressure = new Pressure((report) => options.onPressure?.(report));
    this.#batches = new Batches({ ...options, ...context, pipeBytes: this.pipeBytes });
    this.#portions = new Portions({ fd: options.fd, pipeBytes: this.pipeBytes, writer: context.writer });
    this.#writer.sharers += 1;
    this.setLimits(options.limits);
    // Before anybody writes to the file.
    this.#isSettled = settleNow(options.fd, { ...options, ...context });
  }

  /** The most that is written in one go by a thread. */
  get batchBytes(): number {
    return this.#batches.bytesMax;
  }

  /** Bytes written to files, and bytes dropped, since this capture began. */
  get stats(): { readonly writtenBytes: number; readonly droppedBytes: number } {
    return { writtenBytes: this.#writtenBytes, droppedBytes: this.#pressure.droppedBytes };
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether somebody waits for a line. */
  get isHeard(): boolean {
    return this.#watchers.size > 0;
  }

  /** When a `waiting` capture is worth another turn, on the clock it was given. */
  get retryAtMs(): number {
    return this.#pressure.retryAtMs || this.#portions.patientUntilMs;
  }

  /** Takes new limits; they hold from the next byte on. */
  setLimits(limits: LogSpec): void {
    this.#writer.limits = limits;
    this.#bucket = TokenBucket.for(limits.rateBytes, this.#bucket, this.#now());
  }

  /** Calls back with each line from now on, until the returned function is called. Costs a copy of every byte meanwhile. */
  watchLines(onLine: (line: string) => void): () => void {
    return this.#watchers.add(onLine);
  }

  /** The last lines of this generation, oldest first: what floods the pipe, or else from files, through rotations. */
  lastWords(): string[] {
    const { generation, fd } = this.options;
    const unread = this.#closed ? undefined : unreadWords(fd);
    if (unread !== undefined) return unread;
    const remembered = (moment: string) => this.#writer.endOfClosed(moment);
    return lastWords(this.#writer.directory, this.options, { generation, remembered });
  }

  /** Takes at most one slice. Never blocks and never throws because of a disk. */
  take(): Taken {
    if (this.#closed) return ENDED;
    if (this.#writer.isFlying) return WAITING;
    const taken = this.#take(this.#now());
    this.#took(taken.bytes);
    return taken;
  }

  #take(nowMs: number): Taken {
    const advice = this.#pressure.advice(nowMs);
    if (advice === "wait") return WAITING;
    if (advice === "drop") return this.#drop(false);
    if (advice === "try" && this.#pressure.midLine) {
      const dropped = this.#drop(true);
      if (dropped.state !== "flowing" || this.#pressure.midLine) return dropped;
    }
    if (this.#bucket !== undefined && this.#bucket.available(nowMs) <= 0) return this.#refuse("rate", nowMs);
    try {
      return this.#write(nowMs);
    } catch (error) {
      const reason = errnoOf(error);
      if (reason === undefined) throw error;
      return this.#refuse(reason, nowMs);
    }
  }

  /**
   * Begins to write what is in the pipe, and at least `atLeast` bytes, in a thread.
   *
   * @param onLanded called later with what it came to, unless the capture is closed
   * @returns false when `take` has to do it: there is less, or it has to be looked at, or it could not be written
   */
  fly(atLeast: number, onLanded: (taken: Taken) => void): boolean {
    if (!this.#mayFly() || pipeBytes(this.options.fd) < atLeast) return false;
    try {
      return this.#batches.start({
        isClosed: () => this.#closed,
        onLanded: (bytes) => {
          this.#took(bytes);
          if (bytes > 0) this.#count(bytes, this.#now());
          if (!this.#closed) onLanded({ bytes, state: "flowing" });
        },
      });
    } catch (error) {
      // `take` meets it as well, and says so.
      if (errnoOf(error) === undefined) throw error;
      return false;
    }
  }

  /**
   * Takes what is in the pipe now. If it is so much that the disk might take its time, that waits for its turns.
   *
   * @param onDrained called when it is done, at once or later; never if the disk does not take it
   */
  drain(onDrained?: () => void): Taken {
    const inPipe = pipeBytes(this.options.fd);
    if (this.#writer.isFlying || (inPipe > BRIEF_BYTES && this.#mayFly())) {
      this.#leftBytes = inPipe;
      this.#onDrained = onDrained;
      this.#context.hurry();
      return WAITING;
    }
    let taken = this.take();
    for (let left = inPipe - taken.bytes; left > 0 && taken.bytes > 0; left -= taken.bytes) taken = this.take();
    onDrained?.();
    return taken;
  }

  /** Whether somebody waits for what was in the pipe. */
  get isDraining(): boolean {
    return this.ending || this.#onDrained !== undefined;
  }

  /**
   * The process is gone: takes what it left and finishes. After a flood, or with a full disk in `block` mode, that may be
   * later: `onEnd` tells.
   */
  end(): void {
    if (this.#closed) return;
    this.#ending = true;
    this.#leftBytes = pipeBytes(this.options.fd);
    if (this.drain(this.#onDrained).state !== "waiting") this.finish();
  }

  /** Whether everything was taken that was there when `end` was called. */
  get isDrained(): boolean {
    return this.ending && this.#leftBytes <= 0 && !this.#writer.isFlying;
  }

  /** Whether `end` was called and there is still something to take. */
  get ending(): boolean {
    return this.#ending && !this.#closed;
  }

  /** Everything was taken: closes and tells so. */
  finish(): void {
    if (this.#closed) return;
    this.close();
    this.#pressure.end();
    this.options.onEnd?.();
  }

  /** Closes the pipe and leaves what is in it to whoever else holds it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.sharers -= 1;
    if (this.#writer.sharers === 0) this.#writer.close();
    this.#context.beforeClose();
    closeSync(this.options.fd);
  }

  /** Whether nothing has to be looked at, counted or kept apart on the way to the file. */
  #mayFly(): boolean {
    const isAlone = this.#writer.sharers === 1 || this.#ending;
    const isPlain = this.#bucket === undefined && this.#watchers.size === 0 && this.#isSettled;
    if (this.#closed || this.#writer.isFlying || !isAlone || !isPlain) return false;
    const nowMs = this.#now();
    return this.#batches.mayStart(nowMs) && this.#pressure.advice(nowMs) === "write";
  }

  #write(nowMs: number): Taken {
    const writer = this.#writer;
    if (!this.#isSettled) settle(this.options.fd, { writer, generation: this.options.generation });
    this.#isSettled = true;
    if (!writer.isOpen) {
      // A stream that never says anything gets no file.
      const first = look(this.options.fd, 1);
      if (first === undefined) return ENDED;
      if (first.length === 0) return EMPTY;
    }
    writer.ensureOpen();
    if (writer.rotateIfDue()) return this.#write(nowMs);
    const isShared = writer.sharers > 1 && !this.#ending;
    const plan = this.#portions.next({ nowMs, isShared, isHeard: this.isHeard });
    if ("state" in plan) return plan;
    const to = writer.note(this.options.generation);
    const moved = moveToFile({ from: this.options.fd, to, offset: writer.offset, length: plan.length });
    if (moved === 0) return ENDED;
    if (moved < 0) return EMPTY;
    writer.advance(moved);
    this.#count(moved, nowMs);
    if (plan.endsSegment && moved === plan.length) writer.rotate();
    if (plan.view !== undefined) this.#watchers.push(plan.view.subarray(0, moved));
    return { bytes: moved, state: moved < plan.length ? "empty" : "flowing" };
  }

  #took(bytes: number): void {
    this.#leftBytes -= bytes;
    if (this.#leftBytes > 0 || this.#onDrained === undefined) return;
    // Not in the midst of a turn: it may be answered by `end`.
    setImmediate(this.#onDrained);
    this.#onDrained = undefined;
  }

  #count(bytes: number, nowMs: number): void {
    this.#writtenBytes += bytes;
    this.#portions.moved();
    this.#bucket?.take(bytes);
    this.#pressure.wrote(nowMs);
  }

  #refuse(reason: string, nowMs: number): Taken {
    const mode = this.#writer.limits.whenFull;
    const rate = this.#writer.limits.rateBytes ?? 0;
    const waitMs = this.#bucket?.waitMs(rate / 10) ?? 0;
    this.#pressure.refuse({ reason, mode, nowMs, ...(reason === "rate" && { retryAtMs: nowMs + waitMs }) });
    if (mode === "block") return WAITING;
    if (!this.#pressure.midLine) this.#pressure.dropped(this.#cutPartialLine());
    return this.#drop(false);
  }

  /** A line whose end is dropped goes as a whole. */
  #cutPartialLine(): Buffer {
    try {
      return this.#writer.cutPartialLine(SLICE_BYTES);
    } catch {
      // The disk cannot even do that: the beginning stays, and the line counts as dropped if its end is.
      return Buffer.alloc(0);
    }
  }

  /** Takes bytes away and counts them: whole lines if possible, or only the rest of the line that was begun. */
  #drop(restOfLineOnly: boolean): Taken {
    const view = look(this.options.fd, SLICE_BYTES);
    if (view === undefined) return ENDED;
    if (view.length === 0) return EMPTY;
    const newline = restOfLineOnly ? view.indexOf(NEWLINE) : view.lastIndexOf(NEWLINE);
    const gone = newline < 0 ? view : view.subarray(0, newline + 1);
    this.#pressure.dropped(gone);
    consume(this.options.fd, gone.length);
    return { bytes: gone.length, state: "flowing" };
  }
}
