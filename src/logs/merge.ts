import type { OrderedLine } from "./log-line.ts";

/** A source of lines in their own order. */
export interface Mergeable {
  readonly head: OrderedLine | undefined;
  shift(): void;
  /** @returns false if there is no line now */
  fill(): Promise<boolean>;
}

/**
 * Merges what the sources have now by the order in which it was read; ends when they have no more. A line that was given out
 * is only dropped when the next one is asked for: whoever stops at a line finds it again.
 */
export async function* merge(sources: Iterable<Mergeable>): AsyncGenerator<OrderedLine> {
  const waiting: Mergeable[] = [];
  for (const source of sources) if (await source.fill()) insert(waiting, source);
  for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
    const untilOrder = orderOf(waiting[0]);
    for (let head = first.head; head !== undefined && head.order <= untilOrder; head = first.head) {
      yield head;
      first.shift();
      if (first.head === undefined) await first.fill();
    }
    if (first.head !== undefined) insert(waiting, first);
  }
}

/** Keeps `sorted` in the order of heads; among equals the newcomer goes last. */
function insert(sorted: Mergeable[], source: Mergeable): void {
  const order = orderOf(source);
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (orderOf(sorted[middle]) <= order) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, source);
}

function orderOf(source: Mergeable | undefined): number {
  return source?.head?.order ?? Infinity;
}
