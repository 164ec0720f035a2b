/**
 * A pool of threads on piscina, which knows how to keep them; the queue in front of it is ours.
 *
 * A task is only given to piscina when a thread is free for it. So a task that waits can be cancelled, reordered and
 * counted without touching a thread, and the number of threads can change while the pool works.
 */
import { fileURLToPath } from "node:url";
import type { MessagePort } from "node:worker_threads";
import { Piscina } from "piscina";
import { LaresError } from "../../core/errors.ts";
import { PriorityQueue } from "./priority-queue.ts";

export interface PoolOptions {
  /** The module whose default export does a task: `(task) => result`, also asynchronously. */
  readonly file: string | URL;
  /** How many tasks at a time. */
  readonly threads: number;
  /** The most that `resize` may ask for. Default: four times `threads`, at least 16. */
  readonly threadsMax?: number;
  /** How many tasks may wait. Default 1000. */
  readonly queueMax?: number;
  /** What `run` does when the queue is full: reject at once, or wait for room. Default `reject`. */
  readonly whenFull?: "reject" | "wait";
  /** Of every task that names none of its own. Default: none. */
  readonly timeoutMs?: number;
  /** A thread that has had nothing to do for this long ends. Default 30000. */
  readonly idleMs?: number;
  /** Memory limits of each thread, as of `node:worker_threads`. */
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number; readonly maxYoungGenerationSizeMb?: number };
}

export interface RunOptions {
  /** Higher ones go first. Default 0. */
  readonly priority?: number;
  /** Counted from the start of the work. The thread is ended, whatever it does, and replaced. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Moved to the thread rather than copied. */
  readonly transfer?: readonly (ArrayBuffer | MessagePort)[];
}

export interface PoolFigures {
  readonly threads: number;
  readonly running: number;
  readonly queued: number;
  readonly completed: number;
  readonly failed: number;
}

interface Job<Task, Result> {
  readonly task: Task;
  readonly options: RunOptions;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  readonly onAbort: () => void;
}

/** Made by `createPool`. */
export class WorkerPool<Task = unknown, Result = unknown> implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #threadsMax: number;
  readonly #piscina: Piscina<Task, Result>;
  readonly #queue = new PriorityQueue<Job<Task, Result>>();
  readonly #roomSeekers: (() => void)[] = [];
  readonly #idleSeekers: (() => void)[] = [];
  readonly #atWork = new Set<Job<Task, Result>>();
  #threads: number;
  #running = 0;
  #completed = 0;
  #failed = 0;
  #closing = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#threads = options.threads;
    this.#threadsMax = options.threadsMax ?? Math.max(16, options.threads * 4);
    this.#assertThreads(options.threads);
    const { file } = options;
    this.#piscina = new Piscina<Task, Result>({
      filename: file instanceof URL ? (file.protocol === "file:" ? fileURLToPath(file) : file.href) : file,
      minThreads: 0,
      maxThreads: this.#threadsMax,
      idleTimeout: options.idleMs ?? 30_000,
      ...execArgvForThreads(),
      // Without atomics a thread can be aborted, and the event loop of a task's own promises turns.
      atomics: "disabled",
      recordTiming: false,
      ...(options.resourceLimits ? { resourceLimits: options.resourceLimits } : {}),
    });
    this.#piscina.on("error", (error) => this.#threadFailed(error));
  }

  get figures(): PoolFigures {
    return {
      threads: this.#piscina.threads.length,
      running: this.#running,
      queued: this.#queue.size,
      completed: this.#completed,
      failed: this.#failed,
    };
  }

  /**
   * Does one task on a thread.
   *
   * @throws LaresError `busy` when the queue is full or the pool closes, `timed_out`, `operation_failed` when the thread
   * ended under it; what the task itself threw; the reason of an aborted signal.
   */
  async run(task: Task, options: RunOptions = {}): Promise<Result> {
    options.signal?.throwIfAborted();
    while (!this.#closing && this.#isFull()) {
      if (this.#options.whenFull !== "wait") throw this.#refusal(`${this.#queue.size} tasks wait already`);
      await new Promise<void>((resolve) => this.#roomSeekers.push(resolve));
      options.signal?.throwIfAborted();
    }
    if (this.#closing) throw this.#refusal("the pool is closing");
    return new Promise<Result>((resolve, reject) => {
      const job: Job<Task, Result> = { task, options, resolve, reject, onAbort: () => this.#abandon(job) };
      if (this.#running < this.#threads) {
        void this.#work(job);
      } else {
        this.#queue.add(job, options.priority ?? 0);
        options.signal?.addEventListener("abort", job.onAbort, { once: true });
      }
    });
  }

  /** Changes how many tasks are done at a time; those that run are not disturbed. */
  resize(threads: number): void {
    this.#assertThreads(threads);
    this.#threads = threads;
    this.#startWaiting();
  }

  /**
   * Takes no more tasks and waits for those it has.
   *
   * @param signal When it is aborted, running tasks are ended and waiting ones refused.
   */
  async drain(signal?: AbortSignal): Promise<void> {
    this.#closing = true;
    for (const seek of this.#roomSeekers.splice(0)) seek();
    if (this.#running > 0 && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        this.#idleSeekers.push(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    for (let job = this.#queue.take(); job; job = this.#queue.take()) job.reject(this.#refusal("the pool was closed"));
    await this.#piscina.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  async #work(job: Job<Task, Result>): Promise<void> {
    this.#running += 1;
    this.#atWork.add(job);
    const { signal, timeoutMs = this.#options.timeoutMs, transfer } = job.options;
    const limit = timeoutMs === undefined ? undefined : new Deadline(timeoutMs);
    const signals = [signal, limit?.signal].filter((one) => one !== undefined);
    try {
      const result = await this.#piscina.run(job.task, {
        ...(signals.length > 0
          ? { signal: signals.length === 1 ? (signals[0] ?? null) : AbortSignal.any(signals) }
          : {}),
        ...(transfer ? { transferList: [...transfer] } : {}),
      });
      this.#completed += 1;
      job.resolve(result);
    } catch (cause) {
      this.#failed += 1;
      job.reject(this.#explain(cause, { signal, limit }));
    } finally {
      limit?.[Symbol.dispose]();
      this.#running -= 1;
      this.#atWork.delete(job);
      this.#startWaiting();
    }
  }

  /**
   * A crashed thread fails its task, which is where that is reported. Here come threads that had none: if no task has been
   * begun at all, threads cannot even start, and piscina would wait for ever.
   */
  #threadFailed(cause: unknown): void {
    if (this.#piscina.queueSize < this.#running) return;
    const state = `its thread could not start (${cause instanceof Error ? cause.message : cause})`;
    const error = new LaresError("operation_failed", `Cannot begin a task: ${state}`, { cause });
    for (const job of this.#atWork) job.reject(error);
  }

  #explain(cause: unknown, known: { signal: AbortSignal | undefined; limit: Deadline | undefined }): unknown {
    if (known.limit?.signal.aborted) {
      return new LaresError("timed_out", `Cannot finish a task: it ran for more than ${known.limit.ms} ms`, { cause });
    }
    if (known.signal?.aborted) return known.signal.reason;
    const { message } = cause as Error;
    if (
      /^worker exited with code/i.test(message) ||
      (cause as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY"
    ) {
      return new LaresError("operation_failed", `Cannot finish a task: its thread ended (${message})`, {
        hint: "Look for process.exit or a memory limit in the worker's code.",
        cause,
      });
    }
    return cause;
  }

  #abandon(job: Job<Task, Result>): void {
    this.#queue.remove(job, job.options.priority ?? 0);
    this.#failed += 1;
    job.reject(job.options.signal?.reason);
    this.#roomSeekers.shift()?.();
  }

  #startWaiting(): void {
    while (this.#running < this.#threads) {
      const job = this.#queue.take();
      if (!job) break;
      job.options.signal?.removeEventListener("abort", job.onAbort);
      void this.#work(job);
      this.#roomSeekers.shift()?.();
    }
    if (this.#running === 0) for (const seek of this.#idleSeekers.splice(0)) seek();
  }

  #isFull(): boolean {
    return this.#running >= this.#threads && this.#queue.size >= (this.#options.queueMax ?? 1_000);
  }

  #refusal(state: string): LaresError {
    return new LaresError("busy", `Cannot take a task: ${state}`, {
      hint: "Try again later, or make the pool larger.",
    });
  }

  #assertThreads(threads: number): void {
    if (Number.isInteger(threads) && threads >= 1 && threads <= this.#threadsMax) return;
    throw new LaresError("usage", `Cannot use ${threads} threads: the pool has room for 1 to ${this.#threadsMax}`, {
      hint: "Set threadsMax when the pool is made.",
    });
  }
}

/** What makes sense for the main program only must go: with `--input-type` a thread refuses to start. */
function execArgvForThreads(): { execArgv?: string[] } {
  const mainOnly = /^(-e|-p|-pe|--eval|--print|--input-type)(=|$)/;
  const execArgv = process.execArgv.filter((flag, index, flags) => {
    const before = flags[index - 1] ?? "";
    return !mainOnly.test(flag) && !(mainOnly.test(before) && !before.includes("="));
  });
  // Passing them on as they are would be refused for some that inheriting allows.
  return execArgv.length === process.execArgv.length ? {} : { execArgv };
}

/** A timeout whose timer does not outlive the task. */
class Deadline implements Disposable {
  readonly ms: number;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.ms = ms;
    this.#timer = setTimeout(() => this.#controller.abort(), ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Loaded by `createPool` only. */
export function openPool<Task, Result>(options: PoolOptions): WorkerPool<Task, Result> {
  return new WorkerPool<Task, Result>(options);
}
