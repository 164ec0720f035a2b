import type { Machine } from "./machine.ts";

interface Timer {
  readonly atMs: number;
  readonly isImmediate: boolean;
  readonly act: () => void;
}

/** The event loop of one supervisor process: it dies with it, timers and all. */
export class Loop {
  readonly #machine: Machine;
  readonly #timers = new Set<Timer>();
  readonly #watches = new Set<{ readonly isReady: () => boolean; readonly act: () => void }>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  later(delayMs: number, act: () => void): () => void {
    const timer = { atMs: this.#machine.nowMs + Math.max(0, Math.ceil(delayMs)), isImmediate: delayMs <= 0, act };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  watch(isReady: () => boolean, act: () => void): { close(): void } {
    const watch = { isReady, act };
    this.#watches.add(watch);
    return { close: () => this.#watches.delete(watch) };
  }

  get nextTimerMs(): number | undefined {
    let first: number | undefined;
    for (const { atMs } of this.#timers) if (first === undefined || atMs < first) first = atMs;
    return first;
  }

  /**
   * Runs one callback that is due. Which of several is left to chance: a real loop has an order, and what depends on it is
   * a bug that waits for a busy day. Only what is to come in the next turn (`setImmediate`) does come after the others.
   *
   * @returns false when there is nothing to do now
   */
  turn(): boolean {
    const due: (() => void)[] = [];
    const last: (() => void)[] = [];
    for (const timer of this.#timers) {
      if (timer.atMs > this.#machine.nowMs) continue;
      (timer.isImmediate ? last : due).push(() => {
        this.#timers.delete(timer);
        timer.act();
      });
    }
    for (const { isReady, act } of this.#watches) if (isReady()) due.push(act);
    if (due.length === 0) due.push(...last.slice(0, 1));
    if (due.length === 0) return false;
    this.#machine.random.pick(due)();
    return true;
  }
}
