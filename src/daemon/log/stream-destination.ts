/** Log lines to a terminal, a pipe or a journal: written by us, a turn of the event loop at a time. */
import { writeSync } from "node:fs";
import type { Destination } from "./destination.ts";

const retryMs = 10;

/** Whoever reads decides how fast: a blocking pipe holds the program back, as `console.log` does. */
export class StreamDestination implements Destination {
  readonly #fd: number;
  readonly #bufferBytesMax: number;
  readonly #format: (line: string) => string;
  #waiting = "";
  #scheduled = false;
  #dropped = 0;

  constructor(fd: number, options: { bufferBytesMax: number; format?: (line: string) => string }) {
    this.#fd = fd;
    this.#bufferBytesMax = options.bufferBytesMax;
    this.#format = options.format ?? ((line) => line);
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (this.#waiting.length >= this.#bufferBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#waiting += this.#format(line);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  async flush(): Promise<void> {
    while (this.#waiting !== "") {
      this.#turn();
      if (this.#waiting !== "") await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  flushSync(): number {
    this.#turn();
    return Buffer.byteLength(this.#waiting);
  }

  async reopen(): Promise<void> {}

  close(): Promise<void> {
    return this.flush();
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = "";
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#fd, bytes, done);
    } catch (error) {
      // A pipe that somebody else made non-blocking is full. After any other error nobody reads any more.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      this.#waiting = bytes.subarray(done).toString();
      this.#scheduled = true;
      setTimeout(this.#turn, retryMs).unref();
    }
  };
}
