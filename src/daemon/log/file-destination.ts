/** Where log lines go: a bounded buffer in front of a file, written by another thread. */
import { write, writeSync } from "node:fs";
import type { Destination } from "./destination.ts";
import { FlightRecorder } from "./flight.ts";
import type { LogFile } from "./log-file.ts";
import { type LogTrouble, TroubleTeller } from "./trouble.ts";

export interface DestinationOptions {
  /** Lines that wait to be written take at most this much. Default 16 MiB. */
  readonly bufferBytesMax?: number;
  /** When the buffer is full: `drop` further lines and count them, or `block` the program. Default `drop`. */
  readonly whenFull?: "drop" | "block";
  /** Told when lines begin to be lost, and when they are written again. */
  readonly onTrouble?: (trouble: LogTrouble) => void;
}

/** One write: large enough to cost little per line. */
const batchBytes = 64 * 1024;
/** When the disk is behind, several batches become one write; small enough not to hold up the event loop. */
const batchesPerWrite = 16;
const retryMs = 250;
const landingMs = 2_000;

/** One write on its way. */
interface Flight {
  readonly batch: Buffer;
  /** Part of a batch whose beginning is in the file. */
  readonly isRest: boolean;
}

/** What pino writes to. Lines of one turn of the event loop are joined; one write is under way at a time. */
export class FileDestination implements Destination {
  readonly #file: LogFile;
  readonly #bufferBytesMax: number;
  readonly #block: boolean;
  readonly #trouble: TroubleTeller;
  #waiting: string[] = [];
  #batch = "";
  #batchLength = 0;
  #waitingBytes = 0;
  #flying: Flight | undefined;
  /** Of a batch that was written in part: it comes first, and into the same file, or a line would be torn. */
  #rest: Buffer | undefined;
  #recorder: FlightRecorder;
  #scheduled = false;
  #retry: NodeJS.Timeout | undefined;
  #drained: (() => void)[] = [];
  #closed = false;

  constructor(file: LogFile, options: DestinationOptions = {}) {
    this.#file = file;
    this.#bufferBytesMax = options.bufferBytesMax ?? 16 * 1024 ** 2;
    this.#block = options.whenFull === "block";
    this.#trouble = new TroubleTeller(options.onTrouble);
    this.#recorder = new FlightRecorder(file.fd);
  }

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.#trouble.droppedTotal;
  }

  write(line: string): void {
    if (this.#waitingBytes + this.#batchLength >= this.#bufferBytesMax && !this.#makeRoom()) return;
    this.#batch += line;
    // Characters, not bytes: counting those would cost more than the limit is worth.
    this.#batchLength += line.length;
    if (this.#batchLength >= batchBytes) this.#closeBatch();
    if (this.#scheduled || this.#flying) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  /** Resolves when everything written so far is in the file, or cannot be for now. */
  flush(): Promise<void> {
    if (!this.#flying && this.#isEmpty()) return Promise.resolve();
    const drained = new Promise<void>((resolve) => this.#drained.push(resolve));
    if (this.#retry) {
      clearTimeout(this.#retry);
      this.#turn();
    }
    return drained;
  }

  /** Writes everything before it returns. For the end of the process. @returns the number of bytes that were lost. */
  flushSync(): number {
    if (this.#flying) this.#land(this.#flying);
    this.#closeBatch();
    const batches = this.#waiting.map((text) => Buffer.from(text));
    let lost = this.#rest ? this.#writeNow(this.#rest) : 0;
    for (const batch of batches) lost += this.#writeNow(batch, { mayRotate: lost === 0 });
    this.#rest = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return lost;
  }

  /** Goes on in the file that is now at the path. */
  async reopen(): Promise<void> {
    await this.flush();
    this.#replaceFile(() => this.#file.open());
  }

  async close(): Promise<void> {
    await this.flush();
    if (this.#closed) return;
    this.#closed = true;
    this.flushSync();
    this.#recorder.close();
    this.#file.close();
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.#retry = undefined;
    if (this.#flying || this.#closed) return;
    this.#closeBatch();
    if (this.#rest) {
      const rest = this.#rest;
      this.#rest = undefined;
      this.#waitingBytes -= rest.length;
      this.#send({ batch: rest, isRest: true });
    } else if (this.#waiting.length > 0) {
      const batch = this.#joinBatches();
      this.#rotateFor(batch.length);
      this.#send({ batch, isRest: false });
    } else {
      this.#announceDrained();
    }
  };

  /** No more than a file may hold, unless one batch alone is more. */
  #joinBatches(): Buffer {
    let text = "";
    for (let joined = 0; joined < batchesPerWrite; joined += 1) {
      const next = this.#waiting[0];
      if (next === undefined || (joined > 0 && text.length + next.length > this.#file.maxSizeBytes)) break;
      text += this.#waiting.shift();
    }
    this.#waitingBytes -= text.length;
    return Buffer.from(text);
  }

  #send(flight: Flight): void {
    const { batch } = flight;
    this.#flying = flight;
    this.#recorder.takeOff();
    write(this.#file.fd, batch, (error, bytes) => {
      // A synchronous flush has meanwhile taken care of it.
      if (this.#flying !== flight) return;
      this.#flying = undefined;
      if (error) {
        this.#failed(flight, error);
        return;
      }
      this.#file.wrote(bytes);
      if (bytes < batch.length) {
        this.#send({ batch: batch.subarray(bytes), isRest: true });
      } else {
        if (this.#trouble.dropped === 0 || this.#waitingBytes <= this.#bufferBytesMax / 2) this.#trouble.recovered();
        this.#turn();
      }
    });
  }

  /** The batch waits for better times, in front of all others. */
  #failed(flight: Flight, error: Error): void {
    this.#putBack(flight);
    this.#trouble.failing(error);
    this.#announceDrained();
    this.#scheduled = true;
    this.#retry = setTimeout(this.#turn, retryMs).unref();
  }

  #putBack({ batch, isRest }: Flight): void {
    this.#waitingBytes += batch.length;
    // A rest may begin in the middle of a character.
    if (isRest) this.#rest = batch;
    else this.#waiting.unshift(batch.toString());
  }

  /**
   * Waits for the write under way; what it has not written waits again. One that failed looks like one that takes for ever:
   * both are given up, at the risk of a batch that is there twice.
   */
  #land(flight: Flight): void {
    const written = Math.min(this.#recorder.waitForLanding(landingMs), flight.batch.length);
    this.#flying = undefined;
    this.#file.wrote(written);
    const left = flight.batch.subarray(written);
    if (left.length > 0) this.#putBack({ batch: left, isRest: flight.isRest || written > 0 });
  }

  /** @returns false when the line is to be dropped. */
  #makeRoom(): boolean {
    if (!this.#block) {
      this.#trouble.drop();
      return false;
    }
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (this.#flushKeeping()) Atomics.wait(pause, 0, 0, retryMs);
    this.#trouble.recovered();
    return true;
  }

  /** As `flushSync`, but what cannot be written stays. @returns whether anything stayed. */
  #flushKeeping(): boolean {
    if (this.#flying) this.#land(this.#flying);
    this.#closeBatch();
    for (let next = this.#next(); next; next = this.#next()) {
      const left = this.#writeNow(next.batch, { mayRotate: !next.isRest });
      if (left === 0) continue;
      const isRest = next.isRest || left < next.batch.length;
      this.#putBack({ batch: next.batch.subarray(next.batch.length - left), isRest });
      return true;
    }
    return false;
  }

  /** Takes out what comes first. */
  #next(): Flight | undefined {
    const rest = this.#rest;
    const text = rest ? undefined : this.#waiting.shift();
    this.#rest = undefined;
    this.#waitingBytes -= rest?.length ?? text?.length ?? 0;
    if (rest) return { batch: rest, isRest: true };
    return text === undefined ? undefined : { batch: Buffer.from(text), isRest: false };
  }

  /** @returns the number of bytes that could not be written. */
  #writeNow(batch: Buffer, { mayRotate = false } = {}): number {
    let done = 0;
    try {
      if (mayRotate) this.#rotateFor(batch.length);
      while (done < batch.length) done += writeSync(this.#file.fd, batch, done);
    } catch (error) {
      this.#trouble.failing(error);
    }
    this.#file.wrote(done);
    return batch.length - done;
  }

  #rotateFor(bytes: number): void {
    const before = this.#file.fd;
    try {
      this.#file.rotateFor(bytes, Date.now());
    } catch (error) {
      // Growing beyond the limit is better than not being written.
      this.#trouble.failing(error);
    }
    if (this.#file.fd !== before) this.#replaceFile(() => {});
  }

  #replaceFile(replace: () => void): void {
    replace();
    this.#recorder.close();
    this.#recorder = new FlightRecorder(this.#file.fd);
  }

  #closeBatch(): void {
    if (this.#batchLength === 0) return;
    this.#waiting.push(this.#batch);
    this.#waitingBytes += this.#batchLength;
    this.#batch = "";
    this.#batchLength = 0;
  }

  #isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#batchLength === 0 && !this.#rest;
  }

  #announceDrained(): void {
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }
}
