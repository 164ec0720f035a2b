/** How long busy streams are left alone: long enough to make waking up cheap, never so long that a program has to wait. */

/** A stream is busy that wakes us again so soon; later, the more small portions there are to fetch. */
const BUSY_MS = { least: 50, most: 500 };
/** The longest rest of a busy stream is never below this: a reader hardly sees it, and a program alone costs next to nothing. */
const LATE_MS_LEAST = 250;
/** Each costs some 20 µs whatever its size, and thrice that when it has to wake us. */
const PORTIONS_PER_SECOND = { few: 250, right: 500, many: 750 };
const PORTION_BYTES = 4 * 1024;
const COUNT_MS = 1_000;
/** A stream that gives this much each time it is asked is not left alone at all. */
export const FLOOD_BYTES = 64 * 1024;

/** How long streams may be left alone, by what all of them together cost. */
export class Pace {
  #busyMs = BUSY_MS.least;
  #portions = 0;
  #countedMs: number;

  constructor(nowMs: number) {
    this.#countedMs = nowMs;
  }

  /** A stream that wakes us again within this time is busy. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** The most that a busy stream may be late. */
  get lateMs(): number {
    return Math.max(LATE_MS_LEAST, this.#busyMs);
  }

  /** Counts what a stream gave in its turn. */
  count(bytes: number, nowMs: number): void {
    if (bytes === 0 || bytes >= PORTION_BYTES) return;
    this.#portions += 1;
    const { few, right, many } = PORTIONS_PER_SECOND;
    const passedMs = nowMs - this.#countedMs;
    if (passedMs < COUNT_MS && this.#portions < many) return;
    const perSecond = (this.#portions * 1_000) / Math.max(1, passedMs);
    if (perSecond < few || perSecond > many) {
      this.#busyMs = Math.min(BUSY_MS.most, Math.max(BUSY_MS.least, (this.#busyMs * perSecond) / right));
    }
    this.#portions = 0;
    this.#countedMs = nowMs;
  }
}

/**
 * How long to leave a busy stream alone, seeking the time in which its pipe gets between a quarter and half full.
 *
 * @param restMs how long it was left alone before
 * @param got.bytes what it gave then
 * @returns milliseconds; 0 for a flood
 */
export function nextRestMs(restMs: number, got: { bytes: number; pipeBytes: number; lateMs: number }): number {
  const little = Math.min(got.pipeBytes / 4, restMs === 0 ? FLOOD_BYTES : Infinity);
  if (got.bytes > got.pipeBytes / 2) return restMs <= 1 ? 0 : restMs / 2;
  return got.bytes < little ? Math.min(got.lateMs, Math.max(1, restMs * 2)) : restMs;
}
