import { type FSWatcher, watch } from "node:fs";

/** Watching can miss things (a full inotify queue, network file systems): look at least this often. */
const POLL_MS = 1_000;

/** Tells when something may have happened in any of some directories. */
export class Changes {
  readonly #watchers = new Map<string, FSWatcher>();
  #changed = false;
  #wake: (() => void) | undefined;

  /** Watches `directory`, too, if it is there. */
  add(directory: string): void {
    if (this.#watchers.has(directory)) return;
    try {
      const watcher = watch(directory, () => this.#note());
      watcher.on("error", () => this.#drop(directory));
      this.#watchers.set(directory, watcher);
    } catch {
      // Not there yet, or out of watches: the poll finds it.
    }
  }

  /** Waits for the next change since the last call, or a second, or the end of `signal`. */
  async next(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#changed && signal?.aborted !== true) await this.#wait(signal);
    this.#changed = false;
  }

  close(): void {
    for (const directory of this.#watchers.keys()) this.#drop(directory);
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, POLL_MS);
    const onAbort = () => resolve();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#wake = resolve;
    return promise.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    });
  }

  #note(): void {
    this.#changed = true;
    this.#wake?.();
  }

  #drop(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }
}
