/** The last lines of the log, for a crash report. */
import type { Destination } from "./destination.ts";

/** Passes every line on, and remembers the last ones in a ring. */
export class RecentLines implements Destination {
  readonly #behind: Destination;
  readonly #ring: string[];
  readonly #size: number;
  #next = 0;

  constructor(behind: Destination, size: number) {
    this.#behind = behind;
    this.#size = size;
    this.#ring = [];
  }

  get dropped(): number {
    return this.#behind.dropped;
  }

  /** Oldest first, without their newlines. */
  lines(): string[] {
    const lines = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
    return lines.map((line) => line.trimEnd());
  }

  write(line: string): void {
    this.#ring[this.#next] = line;
    this.#next = (this.#next + 1) % this.#size;
    this.#behind.write(line);
  }

  flush(): Promise<void> {
    return this.#behind.flush();
  }

  flushSync(): number {
    return this.#behind.flushSync();
  }

  reopen(): Promise<void> {
    return this.#behind.reopen();
  }

  close(): Promise<void> {
    return this.#behind.close();
  }
}
