import type { Effect } from "../core/effects.ts";

type Spawn = Extract<Effect, { do: "spawn" }>;

/** How long spawns may hold the event loop before others have their turn. */
const turnMs = 8;

/** Starts programs at once while there are few, and in turns when there are many, so that the supervisor still answers. */
export class SpawnQueue {
  readonly #perform: (effect: Spawn) => void;
  readonly #waiting: Spawn[] = [];
  #turnEndsMs = 0;
  #scheduled = false;

  constructor(perform: (effect: Spawn) => void) {
    this.#perform = perform;
  }

  add(effect: Spawn): void {
    if (this.#scheduled && (this.#waiting.length > 0 || performance.now() >= this.#turnEndsMs)) {
      this.#waiting.push(effect);
      return;
    }
    this.#beginTurn();
    this.#perform(effect);
  }

  #beginTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turnEndsMs = performance.now() + turnMs;
    setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#scheduled = false;
    if (this.#waiting.length === 0) return;
    this.#beginTurn();
    while (performance.now() < this.#turnEndsMs) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#perform(next);
    }
  }
}
