/** Log lines to a terminal, a pipe or a journal: written by us, a turn of the event loop at a time. */
import { writeSync } from "node:fs";
import type { Destination } from "./destination.ts";
import { type LogTrouble, TroubleTeller } from "./trouble.ts";

export interface StreamOptions {
  readonly bufferBytesMax: number;
  readonly format?: (line: string) => string;
  readonly onTrouble?: (trouble: LogTrouble) => void;
}

/** A pipe that somebody else made non-blocking is full; it is read again in a moment. */
const fullPipeMs = 10;
const fullDiskMs = 250;

/** Whoever reads decides how fast: a blocking pipe holds the program back, as `console.log` does. */
export class StreamDestination implements Destination {
  readonly #fd: number;
  readonly #bufferBytesMax: number;
  readonly #format: (line: string) => string;
  readonly #trouble: TroubleTeller;
  #waiting = "";
  /** What is left of a write that was made in part: it may begin in the middle of a character. */
  #rest = Buffer.alloc(0);
  #scheduled = false;

  constructor(fd: number, options: StreamOptions) {
    this.#fd = fd;
    this.#bufferBytesMax = options.bufferBytesMax;
    this.#format = options.format ?? ((line) => line);
    this.#trouble = new TroubleTeller(options.onTrouble);
  }

  get dropped(): number {
    return this.#trouble.droppedTotal;
  }

  write(line: string): void {
    if (this.#waiting.length + this.#rest.length >= this.#bufferBytesMax) {
      this.#trouble.drop();
      return;
    }
    this.#waiting += this.#format(line);
    this.#lookAgain();
  }

  /** Resolves also when there is no room for it for now. */
  async flush(): Promise<void> {
    let waitMs = this.#writeOut();
    while (waitMs !== undefined && waitMs < fullDiskMs) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = this.#writeOut();
    }
  }

  flushSync(): number {
    // That it is written again may be one more line.
    if (this.#writeOut() === undefined) this.#writeOut();
    return Buffer.byteLength(this.#waiting) + this.#rest.length;
  }

  async reopen(): Promise<void> {}

  close(): Promise<void> {
    return this.flush();
  }

  #lookAgain(waitMs = 0): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const turn = () => {
      this.#scheduled = false;
      const againMs = this.#writeOut();
      if (againMs !== undefined) this.#lookAgain(againMs);
    };
    if (waitMs === 0) setImmediate(turn);
    else setTimeout(turn, waitMs).unref();
  }

  /** @returns after how long to try again; undefined when nothing waits any more. */
  #writeOut(): number | undefined {
    if (this.#waiting === "" && this.#rest.length === 0) return undefined;
    const bytes = Buffer.concat([this.#rest, Buffer.from(this.#waiting)]);
    this.#waiting = "";
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#fd, bytes, done);
      this.#rest = Buffer.alloc(0);
      this.#trouble.recovered();
      return undefined;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      // After any other error nobody reads any more.
      this.#rest = ["EAGAIN", "ENOSPC", "EDQUOT"].includes(code) ? bytes.subarray(done) : Buffer.alloc(0);
      if (code === "EAGAIN") return fullPipeMs;
      if (this.#rest.length === 0) return undefined;
      this.#trouble.failing(error);
      return fullDiskMs;
    }
  }
}
