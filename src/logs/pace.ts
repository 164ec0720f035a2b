/** How long busy streams are left alone: long enough to make waking up cheap, never so long that a program has to wait. */

/** At most this late, and later the more small portions there are to fetch. */
const LATE_MS = { least: 50, most: 500 };
/** Each costs some 20 µs whatever its size. */
const PORTIONS_PER_SECOND = { few: 1_000, right: 1_750, many: 2_500 };
const PORTION_BYTES = 4 * 1024;
const COUNT_MS = 1_000;
/** A stream that gives this much each time it is asked is not left alone at all. */
const FLOOD_BYTES = 64 * 1024;

/** The most that a stream may be late, by what all of them together cost. */
export class Pace {
  #lateMs = LATE_MS.least;
  #portions = 0;
  #countedMs: number;

  constructor(nowMs: number) {
    this.#countedMs = nowMs;
  }

  /** A stream that wakes us again within this time is busy. */
  get lateMs(): number {
    return this.#lateMs;
  }

  /** Counts what a stream gave in its turn. */
  count(bytes: number, nowMs: number): void {
    if (bytes === 0 || bytes >= PORTION_BYTES) return;
    this.#portions += 1;
    const passedMs = nowMs - this.#countedMs;
    if (passedMs < COUNT_MS) return;
    const perSecond = (this.#portions * 1_000) / passedMs;
    const { few, right, many } = PORTIONS_PER_SECOND;
    if (perSecond < few || perSecond > many) {
      this.#lateMs = Math.min(LATE_MS.most, Math.max(LATE_MS.least, (this.#lateMs * perSecond) / right));
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
