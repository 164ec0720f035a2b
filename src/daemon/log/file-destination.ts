/** Where log lines go: a bounded buffer in front of a file, written by another thread. */
import { write, writeSync } from "node:fs";
import type { Destination } from "./destination.ts";
import { FlightRecorder } from "./flight.ts";
import type { LogFile } from "./log-file.ts";

export interface DestinationOptions {
  /** Lines that wait to be written take at most this much. Default 16 MiB. */
  readonly bufferBytesMax?: number;
  /** When the buffer is full: `drop` further lines and count them, or `block` the program. Default `drop`. */
  readonly whenFull?: "drop" | "block";
  /** Told when lines begin to be lost, and when they are written again. */
  readonly onTrouble?: (trouble: LogTrouble) => void;
}

export interface LogTrouble {
  readonly kind: "failing" | "recovered";
  /** `ENOSPC`, for example; `buffer full` when the disk is only slow. */
  readonly reason: string;
  /** Lines dropped so far in this trouble. */
  readonly dropped: number;
}

/** One write: large enough to cost little per line. */
const batchBytes = 64 * 1024;
/** When the disk is behind, several batches become one write; small enough not to hold up the event loop. */
const batchesPerWrite = 16;
const retryMs = 250;
const landingMs = 2_000;

/** What pino writes to. Lines of one turn of the event loop are joined; one write is under way at a time. */
export class FileDestination implements Destination {
  readonly #file: LogFile;
  readonly #bufferBytesMax: number;
  readonly #block: boolean;
  readonly #onTrouble: (trouble: LogTrouble) => void;
  #waiting: string[] = [];
  #batch = "";
  #batchLength = 0;
  #waitingBytes = 0;
  #flying: Buffer | undefined;
  #recorder: FlightRecorder;
  #scheduled = false;
  #failing: string | undefined;
  #dropped = 0;
  #droppedTotal = 0;
  #drained: (() => void)[] = [];
  #closed = false;

  constructor(file: LogFile, options: DestinationOptions = {}) {
    this.#file = file;
    this.#bufferBytesMax = options.bufferBytesMax ?? 16 * 1024 ** 2;
    this.#block = options.whenFull === "block";
    this.#onTrouble = options.onTrouble ?? (() => {});
    this.#recorder = new FlightRecorder(file.fd);
  }

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.#droppedTotal;
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
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Writes everything before it returns. For the end of the process. @returns the number of bytes that were lost. */
  flushSync(): number {
    if (this.#flying && this.#recorder.waitForLanding(landingMs)) this.#flying = undefined;
    this.#closeBatch();
    const batches = [...(this.#flying ? [this.#flying] : []), ...this.#waiting.map((text) => Buffer.from(text))];
    this.#flying = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    let lost = 0;
    for (const batch of batches) lost += this.#writeNow(batch);
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
    if (this.#flying || this.#closed) return;
    this.#closeBatch();
    if (this.#waiting.length === 0) {
      this.#announceDrained();
      return;
    }
    const text = this.#waiting.splice(0, batchesPerWrite).join("");
    this.#waitingBytes -= text.length;
    const batch = Buffer.from(text);
    this.#rotateFor(batch.length);
    this.#send(batch);
  };

  #send(batch: Buffer): void {
    this.#flying = batch;
    this.#recorder.takeOff();
    write(this.#file.fd, batch, (error, bytes) => {
      // A synchronous flush has meanwhile taken care of it.
      if (this.#flying !== batch) return;
      this.#flying = undefined;
      if (error) {
        this.#failed(batch, error.code ?? error.message);
        return;
      }
      this.#file.wrote(bytes);
      if (bytes < batch.length) {
        this.#send(batch.subarray(bytes));
      } else {
        this.#recovered();
        this.#turn();
      }
    });
  }

  /** The batch waits for better times, in front of all others. */
  #failed(batch: Buffer, reason: string): void {
    this.#waiting.unshift(batch.toString());
    this.#waitingBytes += batch.length;
    this.#trouble(reason);
    this.#announceDrained();
    this.#scheduled = true;
    setTimeout(this.#turn, retryMs).unref();
  }

  #trouble(reason: string): void {
    if (this.#failing !== undefined) return;
    this.#failing = reason;
    this.#onTrouble({ kind: "failing", reason, dropped: this.#dropped });
  }

  #recovered(): void {
    if (this.#failing === undefined || (this.#dropped > 0 && this.#waitingBytes > this.#bufferBytesMax / 2)) return;
    const trouble = { kind: "recovered", reason: this.#failing, dropped: this.#dropped } as const;
    this.#failing = undefined;
    this.#dropped = 0;
    this.#onTrouble(trouble);
  }

  /** @returns false when the line is to be dropped. */
  #makeRoom(): boolean {
    if (!this.#block) {
      this.#dropped += 1;
      this.#droppedTotal += 1;
      this.#trouble("buffer full");
      return false;
    }
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (this.#flushKeeping()) Atomics.wait(pause, 0, 0, retryMs);
    return true;
  }

  /** As `flushSync`, but what cannot be written stays. @returns whether anything stayed. */
  #flushKeeping(): boolean {
    if (this.#flying && !this.#recorder.waitForLanding(landingMs)) return true;
    this.#flying = undefined;
    this.#closeBatch();
    while (this.#waiting.length > 0) {
      const batch = Buffer.from(this.#waiting[0] ?? "");
      const left = this.#writeNow(batch);
      if (left === 0) this.#waitingBytes -= (this.#waiting.shift() ?? "").length;
      else {
        const rest = batch.subarray(batch.length - left).toString();
        this.#waitingBytes += rest.length - (this.#waiting[0] ?? "").length;
        this.#waiting[0] = rest;
        return true;
      }
    }
    return false;
  }

  /** @returns the number of bytes that could not be written. */
  #writeNow(batch: Buffer): number {
    let done = 0;
    try {
      this.#rotateFor(batch.length);
      while (done < batch.length) done += writeSync(this.#file.fd, batch, done);
    } catch (error) {
      this.#failing ??= (error as NodeJS.ErrnoException).code ?? String(error);
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
      this.#trouble((error as NodeJS.ErrnoException).code ?? String(error));
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
    return this.#waiting.length === 0 && this.#batchLength === 0;
  }

  #announceDrained(): void {
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }
}
