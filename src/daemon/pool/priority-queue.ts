/** First in, first out within a priority; higher priorities first. */
export class PriorityQueue<Item> {
  readonly #lanes = new Map<number, Set<Item>>();
  /** Priorities in use, highest first. */
  #order: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(item: Item, priority: number): void {
    let lane = this.#lanes.get(priority);
    if (!lane) {
      lane = new Set();
      this.#lanes.set(priority, lane);
      this.#order = [...this.#lanes.keys()].sort((a, b) => b - a);
    }
    lane.add(item);
    this.#size += 1;
  }

  remove(item: Item, priority: number): void {
    const lane = this.#lanes.get(priority);
    if (!lane?.delete(item)) return;
    this.#size -= 1;
    if (lane.size > 0) return;
    this.#lanes.delete(priority);
    this.#order = this.#order.filter((other) => other !== priority);
  }

  take(): Item | undefined {
    const [priority] = this.#order;
    if (priority === undefined) return undefined;
    const [item] = this.#lanes.get(priority) ?? [];
    if (item !== undefined) this.remove(item, priority);
    return item;
  }
}
