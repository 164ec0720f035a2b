/** One part that is kept running. */

export interface ChildContext {
  /** Aborted when this part is to stop. */
  readonly signal: AbortSignal;
  /** Says that this part has failed, from wherever that is noticed. Only the first call counts. */
  fail(error: unknown): void;
}

export interface ChildSpec {
  readonly name: string;
  /**
   * Starts the part, and resolves when it is up. What it may return: how to stop it, and a promise that settles when it
   * ends by itself; a rejection is a failure.
   */
  start(context: ChildContext): Promise<ChildHandle | undefined> | ChildHandle | undefined;
  /** `permanent`: started again whenever it ends; `transient`: when it failed; `temporary`: never. Default `permanent`. */
  readonly restart?: "permanent" | "transient" | "temporary";
  /** How long its stop is waited for. Default 5000. */
  readonly stopTimeoutMs?: number;
}

export interface ChildHandle {
  readonly done?: Promise<unknown>;
  stop?(): Promise<unknown> | unknown;
}

type OnEnd = (child: Child, end: { readonly failed: boolean; readonly error: unknown }) => void;

/** A run: what the latest start has made. Ends of earlier runs no longer count. */
interface Run {
  readonly controller: AbortController;
  handle: ChildHandle | undefined;
  ended: boolean;
}

export class Child {
  restarts = 0;
  #run: Run | undefined;
  readonly #spec: ChildSpec;
  readonly #onEnd: OnEnd;
  #started = false;

  constructor(spec: ChildSpec, onEnd: OnEnd) {
    this.#spec = spec;
    this.#onEnd = onEnd;
  }

  get name(): string {
    return this.#spec.name;
  }

  get isUp(): boolean {
    return this.#run !== undefined && !this.#run.ended;
  }

  get state(): "up" | "restarting" | "down" {
    if (this.isUp) return "up";
    return this.#started && this.#run !== undefined ? "restarting" : "down";
  }

  wantsRestart(failed: boolean): boolean {
    const { restart = "permanent" } = this.#spec;
    return restart === "permanent" || (restart === "transient" && failed);
  }

  async start(): Promise<void> {
    const run: Run = { controller: new AbortController(), handle: undefined, ended: false };
    this.#run = run;
    this.#started = true;
    const end = (failed: boolean, error?: unknown) => {
      if (run.ended || this.#run !== run) return;
      run.ended = true;
      this.#onEnd(this, { failed, error });
    };
    try {
      const context = { signal: run.controller.signal, fail: (error: unknown) => end(true, error) };
      run.handle = (await this.#spec.start(context)) ?? undefined;
    } catch (error) {
      run.ended = true;
      throw error;
    }
    run.handle?.done?.then(
      () => end(false),
      (error: unknown) => end(true, error),
    );
  }

  /** Never throws: a part that cannot be stopped is left to itself. */
  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (!run) return;
    run.ended = true;
    run.controller.abort();
    const { stopTimeoutMs = 5_000 } = this.#spec;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise((resolve) => {
      timer = setTimeout(resolve, stopTimeoutMs);
    });
    const stopped = Promise.resolve()
      .then(() => run.handle?.stop?.())
      .then(() => run.handle?.done)
      .catch(() => {});
    await Promise.race([stopped, timeout]);
    clearTimeout(timer);
  }
}
