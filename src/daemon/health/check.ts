/** One question about the program's health, asked in a way that cannot overload or hang it. */

export interface CheckOptions {
  /** A check that takes longer has failed. Default 2000. */
  readonly timeoutMs?: number;
  /** An answer is good for this long, however often it is asked for. Default 1000. */
  readonly cacheMs?: number;
  /** Whether its failure makes the program unfit for work. Default true; otherwise it is only shown. */
  readonly critical?: boolean;
  /** Whether its failure means that only a restart can help (`/livez`). Default false. */
  readonly liveness?: boolean;
}

/** Throws, rejects or returns false when something is wrong. The signal is aborted when it takes too long. */
export type CheckFunction = (signal: AbortSignal) => unknown;

export interface CheckResult {
  readonly ok: boolean;
  /** Why not. */
  readonly reason: string | null;
  readonly durationMs: number;
}

/** Remembers its last answer, and lets everyone who asks meanwhile wait for the same one. */
export class Check {
  readonly name: string;
  readonly critical: boolean;
  readonly liveness: boolean;
  readonly #ask: CheckFunction;
  readonly #timeoutMs: number;
  readonly #cacheMs: number;
  #last: CheckResult | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;
  #running: Promise<CheckResult> | undefined;
  #hanging = false;

  constructor(name: string, ask: CheckFunction, options: CheckOptions) {
    this.name = name;
    this.#ask = ask;
    this.critical = options.critical ?? true;
    this.liveness = options.liveness ?? false;
    this.#timeoutMs = options.timeoutMs ?? 2_000;
    this.#cacheMs = options.cacheMs ?? 1_000;
  }

  result(): Promise<CheckResult> {
    // One that hangs is not asked again beside itself: that would pile up.
    if (this.#last && (this.#hanging || performance.now() - this.#lastAt < this.#cacheMs)) {
      return Promise.resolve(this.#last);
    }
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<CheckResult> {
    const began = performance.now();
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const reason = await Promise.race([this.#answer(signal), timedOut(signal, this.#timeoutMs)]);
    this.#lastAt = performance.now();
    this.#last = { ok: reason === null, reason, durationMs: Math.round(this.#lastAt - began) };
    return this.#last;
  }

  /** @returns null, or what is wrong. */
  async #answer(signal: AbortSignal): Promise<string | null> {
    this.#hanging = true;
    try {
      return (await this.#ask(signal)) === false ? "it said no" : null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#hanging = false;
    }
  }
}

function timedOut(signal: AbortSignal, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(`no answer within ${timeoutMs} ms`), { once: true });
  });
}
