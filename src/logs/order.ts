/**
 * The order in which chunks of all streams were read.
 *
 * Numbers grow by at least one and are never below the wall clock in microseconds, so a supervisor that starts later goes on
 * above its predecessor without having stored anything, and a wall clock that is set back does not turn lines around.
 */
export class ReadOrder {
  #last = 0;

  next(timeMs: number): number {
    this.#last = Math.max(this.#last + 1, Math.floor(timeMs * 1000));
    return this.#last;
  }
}

/** The newest order number used by either stream of a slot: tells a stream that the other one wrote in between. */
export interface SlotOrder {
  last: number;
}
