/** A small supervision tree inside the process, with the vocabulary and the rules of Erlang/OTP's supervisor. */

import { LaresError } from "../../core/errors.ts";
import { decideRestart, freshHistory, type RestartHistory, withRestart } from "../../core/restart.ts";
import type { RestartSpec } from "../../core/spec.ts";
import { Child, type ChildSpec } from "./child.ts";

export type { ChildContext, ChildSpec } from "./child.ts";

export interface SupervisionOptions {
  /**
   * Who is started again with a child that failed: itself, all of them, or it and those after it. Default `one-for-one`.
   */
  readonly strategy?: "one-for-one" | "one-for-all" | "rest-for-one";
  /** At most this many restarts … Default 1, as in OTP. */
  readonly intensity?: number;
  /** … within this time. Default 5000. */
  readonly periodMs?: number;
  /** Waited before a restart; doubled with each further failure up to `delayMaxMs`. Default 0 and 10000. */
  readonly delayMs?: number;
  readonly delayMaxMs?: number;
  /** Started in this order, stopped in the reverse. */
  readonly children: readonly ChildSpec[];
  /** Told of each failure that is answered by a restart. */
  readonly onRestart?: (child: string, error: unknown) => void;
  /** Told when restarts did not help; everything is stopped by then. */
  readonly onGiveUp?: (error: LaresError) => void;
}

/** Made by `supervise`. */
export class SupervisionTree implements AsyncDisposable {
  readonly #options: SupervisionOptions;
  readonly #policy: RestartSpec;
  readonly #children: Child[];
  #history: RestartHistory = freshHistory;
  #stopping = false;
  /** One thing at a time: a failure during a restart is dealt with after it. */
  #work: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;

  private constructor(options: SupervisionOptions) {
    this.#options = options;
    const { intensity = 1, periodMs = 5_000, delayMs = 0, delayMaxMs = 10_000 } = options;
    const backoff = { delayMs, delayMaxMs, factor: 2, jitter: 0, stableAfterMs: periodMs };
    this.#policy = { policy: "on-failure", ...backoff, intensity, periodMs, then: "fail" };
    this.#children = options.children.map((spec) => new Child(spec, (child, end) => this.#ended(child, end)));
  }

  static async start(options: SupervisionOptions): Promise<SupervisionTree> {
    const tree = new SupervisionTree(options);
    try {
      for (const child of tree.#children) await child.start();
      return tree;
    } catch (error) {
      await tree.stop();
      throw error;
    }
  }

  /** How each child is, in their order. */
  children(): { readonly name: string; readonly state: "up" | "restarting" | "down"; readonly restarts: number }[] {
    return this.#children.map(({ name, state, restarts }) => ({ name, state, restarts }));
  }

  /** Stops all children, last one first. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    await this.#work;
    await stopAll(this.#children);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #ended(child: Child, end: { readonly failed: boolean; readonly error: unknown }): void {
    if (this.#stopping || !child.wantsRestart(end.failed)) return;
    this.#work = this.#work.then(() => this.#restart(child, end.error));
  }

  async #restart(child: Child, error: unknown): Promise<void> {
    let cause = error;
    while (!this.#stopping && !child.isUp) {
      const nowMs = performance.now();
      const question = {
        policy: this.#policy,
        history: this.#history,
        stable: this.#isStable(nowMs),
        nowMs,
        spread: 0.5,
      };
      const decision = decideRestart(question);
      this.#history = decision.history;
      if (decision.kind === "limit") {
        await this.#giveUp({ child, restarts: decision.count, cause });
        return;
      }
      this.#options.onRestart?.(child.name, cause);
      try {
        await this.#startAgain(this.#concernedBy(child), decision.delayMs);
        return;
      } catch (failure) {
        cause = failure;
      }
    }
  }

  async #startAgain(concerned: readonly Child[], delayMs: number): Promise<void> {
    await stopAll(concerned);
    await this.#pause(delayMs);
    this.#history = withRestart(this.#history, { policy: this.#policy, nowMs: performance.now() });
    for (const child of concerned) {
      if (this.#stopping) return;
      await child.start();
      child.restarts += 1;
    }
  }

  #concernedBy(child: Child): readonly Child[] {
    switch (this.#options.strategy) {
      case "one-for-all":
        return this.#children;
      case "rest-for-one":
        return this.#children.slice(this.#children.indexOf(child));
      default:
        return [child];
    }
  }

  async #giveUp(failure: { child: Child; restarts: number; cause: unknown }): Promise<void> {
    const { child, restarts, cause } = failure;
    this.#stopping = true;
    await stopAll(this.#children);
    const state = `it failed again after ${restarts} restarts within ${this.#policy.periodMs} ms`;
    this.#options.onGiveUp?.(
      new LaresError("operation_failed", `Cannot keep "${child.name}" running: ${state}`, { cause }),
    );
  }

  #isStable(nowMs: number): boolean {
    const last = this.#history.times.at(-1);
    return last === undefined || nowMs - last >= this.#policy.stableAfterMs;
  }

  async #pause(delayMs: number): Promise<void> {
    if (delayMs === 0 || this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function stopAll(children: readonly Child[]): Promise<void> {
  for (const child of children.toReversed()) await child.stop();
}
