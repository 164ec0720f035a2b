import type { IndexReader } from "./offsets.ts";

/** What the index says of a stretch of bytes. */
export interface Stretch {
  readonly order: number;
  readonly timeMs: number;
  readonly generation: number;
  /** Where the next record begins. */
  readonly until: number;
}

/** Answers, for offsets that grow, when bytes were read and who wrote them. */
export class Provenance {
  readonly #index: IndexReader | undefined;
  readonly #fallback: Stretch;
  #ordinal = -1;
  #stretch: Stretch | undefined;

  /** @param fallbackMs the time of bytes of which no record speaks */
  constructor(index: IndexReader | undefined, fallbackMs: number) {
    this.#index = index;
    this.#fallback = { order: fallbackMs * 1000, timeMs: fallbackMs, generation: 0, until: Infinity };
  }

  /** Takes in what was written to the index since. */
  refresh(): void {
    this.#index?.refresh();
    this.#stretch = undefined;
  }

  /** Of the byte at `offset`. */
  at(offset: number): Stretch {
    if (this.#stretch !== undefined && offset < this.#stretch.until) return this.#stretch;
    this.#stretch = this.#find(offset);
    return this.#stretch;
  }

  /** Where, after `offset` and before `end`, another generation begins; `end` if none does. */
  generationChange(offset: number, end: number): number {
    const { generation, until } = this.at(offset);
    if (until >= end) return end;
    for (let ordinal = this.#ordinal + 1; ; ordinal += 1) {
      const record = this.#index?.record(ordinal);
      if (record === undefined || record.offset >= end) return end;
      if (record.generation !== generation && this.#offsetOf(ordinal + 1) > record.offset) return record.offset;
    }
  }

  #find(offset: number): Stretch {
    const index = this.#index;
    if (index === undefined || index.count === 0) return this.#fallback;
    if (this.#ordinal < 0) this.#ordinal = Math.max(0, index.covering(offset));
    while (this.#offsetOf(this.#ordinal + 1) <= offset) this.#ordinal += 1;
    const record = index.record(this.#ordinal);
    return record === undefined ? this.#fallback : { ...record, until: this.#offsetOf(this.#ordinal + 1) };
  }

  #offsetOf(ordinal: number): number {
    return this.#index?.record(ordinal)?.offset ?? Infinity;
  }
}
