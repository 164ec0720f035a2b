/** What will happen when, on a clock that stands still until it is moved. */
export class Agenda {
  readonly #entries: { readonly atMs: number; readonly act: () => void }[] = [];
  #nowMs = 1000;

  get nowMs(): number {
    return this.#nowMs;
  }

  get nextAtMs(): number | undefined {
    return this.#entries[0]?.atMs;
  }

  /** @returns what takes it off the agenda */
  after(delayMs: number, act: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, act };
    let at = this.#entries.length;
    while (at > 0 && (this.#entries[at - 1]?.atMs ?? 0) > entry.atMs) at -= 1;
    this.#entries.splice(at, 0, entry);
    return () => {
      const found = this.#entries.indexOf(entry);
      if (found >= 0) this.#entries.splice(found, 1);
    };
  }

  /** Moves the clock on; everything due until then happens at its own moment. */
  advanceTo(untilMs: number): void {
    for (let next = this.#entries[0]; next && next.atMs <= untilMs; next = this.#entries[0]) {
      this.#entries.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.act();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }
}
