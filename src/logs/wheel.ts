/** Everybody who is due within the same such time is called in one go: it is being woken that costs. */
const TICK_MS = 32;

/**
 * One timer for many who wait. Waits of less than a tick end in time, longer ones up to a tick late.
 *
 * @example
 * const wheel = new Wheel<Entry>({ now: () => performance.now(), onDue: (entry) => serve(entry) });
 * wheel.add(entry, 250);
 */
export class Wheel<Item> {
  readonly #now: () => number;
  readonly #onDue: (item: Item) => void;
  /** By the moment they are due. There are never many moments: longer waits share those of the ticks. */
  readonly #waiting = new Map<number, Set<Item>>();
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Infinity;

  /** @param options.now milliseconds of a clock that is never set */
  constructor(options: { readonly now: () => number; readonly onDue: (item: Item) => void }) {
    this.#now = options.now;
    this.#onDue = options.onDue;
  }

  /** Calls back with `item` once, `delayMs` from now. It must not be waiting already. */
  add(item: Item, delayMs: number): void {
    const grainMs = delayMs < TICK_MS ? 1 : TICK_MS;
    const dueMs = Math.ceil((this.#now() + delayMs) / grainMs) * grainMs;
    const others = this.#waiting.get(dueMs);
    if (others === undefined) this.#waiting.set(dueMs, new Set([item]));
    else others.add(item);
    this.#setTimer(dueMs);
  }

  /** Forgets `item`, if it waits. */
  delete(item: Item): void {
    for (const items of this.#waiting.values()) if (items.delete(item)) return;
  }

  /** Forgets all. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #setTimer(dueMs: number): void {
    if (dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, dueMs - this.#now()));
  }

  #tick(): void {
    this.#timerDueMs = Infinity;
    // Timers count whole milliseconds and may come a fraction early.
    const nowMs = this.#now() + 1;
    // Those who wait again meanwhile are not called in the same go.
    const due = [...this.#waiting].filter(([dueMs]) => dueMs <= nowMs);
    for (const [dueMs] of due) this.#waiting.delete(dueMs);
    for (const [, items] of due) for (const item of items) this.#onDue(item);
    const nextMs = Math.min(...this.#waiting.keys());
    if (nextMs < Infinity) this.#setTimer(nextMs);
  }
}
