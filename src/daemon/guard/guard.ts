/** Watches what the program uses up, and acts before the kernel does. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { type Breach, type Figure, findBreaches, type GuardLimits, type Sample } from "./limits.ts";

export type { Breach, GuardLimits, Sample } from "./limits.ts";
export { describeBreach } from "./limits.ts";

export interface GuardOptions extends GuardLimits {
  /** Default 1000. */
  readonly intervalMs?: number;
  /** Over which CPU and event-loop delay are averaged. Default 10000. */
  readonly windowMs?: number;
  /** Collect garbage at the soft limit, if Node runs with `--expose-gc`. Default true. */
  readonly collect?: boolean;
  /**
   * In a daemon: at the soft limit of memory a fresh process takes over; by an upgrade in place, or under Lares by a
   * successor that the supervisor starts. Default false.
   */
  readonly replace?: boolean;
  /** Not before this age: where the limit is too low, processes would replace each other for ever. Default 60000. */
  readonly replaceAfterMs?: number;
  /**
   * In a daemon: write a heap snapshot beside the crash report of the hard limit, for the memory panel of Chrome's
   * developer tools. It takes seconds, and about as much memory again as the heap; a summary of the heap is in the report
   * anyway. Default false.
   */
  readonly heapSnapshot?: boolean;
}

export interface GuardActions {
  /** A soft limit is passed that was not a moment ago. Given all that are passed now. */
  onSoft(breaches: readonly Breach[]): void;
  /** No limit is passed any more. */
  onRelief(): void;
  /** A hard limit is passed. Called once. */
  onHard(breach: Breach): void;
}

const resolutionMs = 10;

/**
 * Samples memory, heap, CPU and event-loop delay, and calls back when limits are passed.
 *
 * @returns a handle to change the limits while it runs.
 * @example
 * ```ts
 * import { startGuard } from "lares";
 *
 * using guard = startGuard(
 *   { memoryBytes: { soft: 400 * 1024 ** 2, hard: 500 * 1024 ** 2 } },
 *   {
 *     onSoft: ([breach]) => console.warn(`${breach?.figure} is high`),
 *     onRelief: () => console.log("better"),
 *     onHard: () => process.exit(75),
 *   },
 * );
 * guard.setLimits({ cpuPercent: { soft: 90 } });
 * ```
 */
export function startGuard(options: GuardOptions, actions: GuardActions): Guard {
  return new Guard(options, actions);
}

/** Made by `startGuard`. */
export class Guard implements Disposable {
  #options: GuardOptions;
  readonly #actions: GuardActions;
  readonly #sampler = new Sampler();
  readonly #timer: NodeJS.Timeout;
  #window: Sample[] = [];
  #passed: ReadonlySet<Figure> = new Set();
  #isOver = false;

  constructor(options: GuardOptions, actions: GuardActions) {
    this.#options = options;
    this.#actions = actions;
    this.#timer = setInterval(() => this.observe(this.#sampler.take()), options.intervalMs ?? 1_000).unref();
  }

  /** Other limits from now on. The interval stays. */
  setLimits(options: GuardOptions): void {
    this.#options = options;
  }

  /** Takes one sample into account; the timer does this. */
  observe(sample: Sample): void {
    const { intervalMs = 1_000, windowMs = 10_000, collect = true } = this.#options;
    const length = Math.max(1, Math.round(windowMs / intervalMs));
    this.#window = [...this.#window, sample].slice(-length);
    const breaches = findBreaches(this.#options, { window: this.#window, isFull: this.#window.length === length });
    const [worst] = breaches;
    if (worst?.level === "hard") {
      if (!this.#isOver) this.#actions.onHard(worst);
      this.#isOver = true;
      return;
    }
    const before = this.#passed;
    this.#passed = new Set(breaches.map(({ figure }) => figure));
    if (breaches.some(({ figure }) => !before.has(figure))) {
      if (collect) (globalThis as { gc?: () => void }).gc?.();
      this.#actions.onSoft(breaches);
    } else if (!worst && before.size > 0) {
      this.#actions.onRelief();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#sampler[Symbol.dispose]();
  }
}

/** About 20 µs a sample. */
class Sampler implements Disposable {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs });
  #cpu = process.cpuUsage();
  #at = performance.now();

  constructor() {
    this.#delay.enable();
  }

  take(): Sample {
    const now = performance.now();
    const used = process.cpuUsage(this.#cpu);
    const cpuPercent = (used.user + used.system) / 10 / Math.max(1, now - this.#at);
    const delayMs = this.#delay.percentile(99) / 1e6 - resolutionMs;
    this.#cpu = process.cpuUsage();
    this.#at = now;
    this.#delay.reset();
    return {
      memoryBytes: process.memoryUsage.rss(),
      heapBytes: getHeapStatistics().used_heap_size,
      cpuPercent,
      eventLoopDelayMs: Number.isFinite(delayMs) ? Math.max(0, delayMs) : 0,
    };
  }

  [Symbol.dispose](): void {
    this.#delay.disable();
  }
}
