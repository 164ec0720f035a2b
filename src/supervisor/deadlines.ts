/** The earliest of many deadlines, by name: a binary heap whose outdated entries are skipped when they come up. */
export class Deadlines {
  readonly #heap: { readonly atMs: number; readonly name: string }[] = [];
  readonly #current = new Map<string, number>();

  set(name: string, atMs: number | undefined): void {
    if (this.#current.get(name) === atMs) return;
    if (atMs === undefined) {
      this.#current.delete(name);
      return;
    }
    this.#current.set(name, atMs);
    this.#push({ atMs, name });
  }

  /** The moment of the earliest. */
  next(): number | undefined {
    this.#skipOutdated();
    return this.#heap[0]?.atMs;
  }

  /** Takes one that has come. */
  takeDue(nowMs: number): string | undefined {
    this.#skipOutdated();
    const first = this.#heap[0];
    if (!first || first.atMs > nowMs) return undefined;
    this.#pop();
    this.#current.delete(first.name);
    return first.name;
  }

  #skipOutdated(): void {
    for (let first = this.#heap[0]; first && this.#current.get(first.name) !== first.atMs; first = this.#heap[0])
      this.#pop();
  }

  #push(entry: { atMs: number; name: string }): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (timeAt(heap, parent) <= entry.atMs) break;
      swap(heap, at, parent);
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const smaller = timeAt(heap, right) < timeAt(heap, left) ? right : left;
      if (timeAt(heap, smaller) >= last.atMs) return;
      swap(heap, at, smaller);
      at = smaller;
    }
  }
}

function timeAt(heap: readonly { atMs: number }[], index: number): number {
  return heap[index]?.atMs ?? Number.POSITIVE_INFINITY;
}

function swap<T>(heap: T[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b] as T, heap[a] as T];
}
