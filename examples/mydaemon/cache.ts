/** A part that may fail without taking the program with it: it is started again by itself. */
import type { ChildContext } from "lares";

/** Remembers answers for a while. */
export class Cache {
  readonly #entries = new Map<number, number>();
  #fail: ((error: Error) => void) | undefined;

  get isUp(): boolean {
    return this.#fail !== undefined;
  }

  /** The `start` of a supervised part. */
  start({ signal, fail }: ChildContext): undefined {
    this.#fail = fail;
    const sweep = setInterval(() => this.#entries.clear(), 60_000);
    signal.addEventListener("abort", () => {
      clearInterval(sweep);
      this.#entries.clear();
      this.#fail = undefined;
    });
  }

  async remember(key: number, compute: () => Promise<number>): Promise<number> {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const value = await compute();
    this.#entries.set(key, value);
    return value;
  }

  /** As if its connection had been lost. */
  breakDown(): void {
    this.#fail?.(new Error("the cache lost its connection"));
  }
}
