import type { Effect } from "../core/effects.ts";
import type { Kernel } from "./kernel.ts";

type Spawn = Extract<Effect, { do: "spawn" }>;

/** How long spawns may hold the event loop before others have their turn. */
const turnMs = 8;

/** Starts programs at once while there are few, and in turns when there are many, so that the supervisor still answers. */
export class SpawnQueue {
  readonly #clock: Pick<Kernel, "nowMs" | "later">;
  readonly #perform: (effect: Spawn) => void;
  readonly #waiting: Spawn[] = [];
  #turnEndsMs = 0;
  #scheduled = false;

  constructor({
    clock,
    perform,
  }: {
    readonly clock: Pick<Kernel, "nowMs" | "later">;
    readonly perform: (effect: Spawn) => void;
  }) {
    this.#clock = clock;
    this.#perform = perform;
  }

  add(effect: Spawn): void {
    if (this.#scheduled && (this.#waiting.length > 0 || this.#clock.nowMs() >= this.#turnEndsMs)) {
      this.#waiting.push(effect);
      return;
    }
    this.#beginTurn();
    this.#perform(effect);
  }

  #beginTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turnEndsMs = this.#clock.nowMs() + turnMs;
    this.#clock.later(0, () => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#scheduled = false;
    if (this.#waiting.length === 0) return;
    this.#beginTurn();
    while (this.#clock.nowMs() < this.#turnEndsMs) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#perform(next);
    }
  }
}
