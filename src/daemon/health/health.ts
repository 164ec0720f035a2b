/** How the program is: its own state, what its checks say, and figures of the process. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Check, type CheckFunction, type CheckOptions, type CheckResult } from "./check.ts";

/** What `GET /health` answers; further figures come beside these. */
export interface HealthReport {
  readonly status: "ok" | "starting" | "failing" | "shedding" | "draining";
  /** Seconds. */
  readonly uptime: number;
  /** Resident bytes. */
  readonly memory_use: number;
  readonly last_error: string | null;
  readonly last_error_at: string | null;
  /** 99th percentile in milliseconds, since the last report. */
  readonly event_loop_delay_ms: number;
  /** Sockets, timers and requests that keep the program going. */
  readonly active_handles: number;
  /** Worker threads. */
  readonly workers: number;
  readonly checks: Readonly<Record<string, CheckResult>>;
  readonly [more: string]: unknown;
}

/** The answer to one of the probes. */
export interface ProbeResult {
  readonly ok: boolean;
  /** One line per check, as Kubernetes' components write them: `[+]database ok`. */
  readonly lines: readonly string[];
}

const resolutionMs = 10;

/**
 * The health of a program.
 *
 * @example
 * ```ts
 * import { Health } from "lares";
 *
 * const health = new Health();
 * health.check("database", async () => {}, { timeoutMs: 500 });
 * health.becameReady();
 * const { status, checks } = await health.report();
 * console.log(status, checks.database?.ok); // ok true
 * ```
 */
export class Health {
  readonly #checks = new Map<string, Check>();
  readonly #figures: (() => Readonly<Record<string, unknown>>)[] = [];
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #phase: "starting" | "up" | "draining" = "starting";
  #shedding: string | undefined;
  #lastError: { readonly text: string; readonly at: Date } | undefined;

  /**
   * Adds a check.
   *
   * @param ask Throws, rejects or returns false when something is wrong.
   * @returns a disposable that takes it away again.
   */
  check(name: string, ask: CheckFunction, options: CheckOptions = {}): Disposable {
    this.#checks.set(name, new Check(name, ask, options));
    return { [Symbol.dispose]: () => void this.#checks.delete(name) };
  }

  /** Adds figures to the report. */
  figures(read: () => Readonly<Record<string, unknown>>): void {
    this.#figures.push(read);
  }

  becameReady(): void {
    if (this.#phase === "starting") this.#phase = "up";
    this.#watchLoop();
  }

  /** From now on nobody should send work: called before listeners close. */
  beginDrain(): void {
    this.#phase = "draining";
  }

  /** Turns readiness off for a reason, and on again without one: too much load, for example. */
  shed(reason: string | undefined): void {
    this.#shedding = reason;
  }

  /** Shown as `last_error` from now on. */
  recordError(error: unknown): void {
    this.#lastError = { text: error instanceof Error ? error.message : String(error), at: new Date() };
  }

  async report(): Promise<HealthReport> {
    const results = await this.#results([...this.#checks.values()]);
    const failing = results.some(([check, { ok }]) => check.critical && !ok);
    const delayMs = this.#watchLoop().percentile(99) / 1e6 - resolutionMs;
    this.#watchLoop().reset();
    return {
      status: this.#status(failing),
      uptime: Math.round(process.uptime() * 1000) / 1000,
      memory_use: process.memoryUsage.rss(),
      last_error: this.#lastError?.text ?? null,
      last_error_at: this.#lastError?.at.toISOString() ?? null,
      event_loop_delay_ms: Number.isFinite(delayMs) ? Math.max(0, Math.round(delayMs * 100) / 100) : 0,
      active_handles: process.getActiveResourcesInfo().length,
      workers: 0,
      checks: Object.fromEntries(results.map(([check, result]) => [check.name, result])),
      ...Object.assign({}, ...this.#figures.map((read) => read())),
    };
  }

  /** Not stuck: only checks for `liveness` count. */
  async live(): Promise<ProbeResult> {
    const results = await this.#results([...this.#checks.values()].filter(({ liveness }) => liveness));
    return { ok: results.every(([, { ok }]) => ok), lines: results.map(describe) };
  }

  /** May get work: started, not draining, not shedding, and every critical check passes. */
  async ready(): Promise<ProbeResult> {
    const results = await this.#results([...this.#checks.values()]);
    const failing = results.some(([check, { ok }]) => check.critical && !ok);
    const status = this.#status(false);
    const reason = status === "shedding" ? `shedding load: ${this.#shedding}` : status;
    const own = status === "ok" ? "[+]lifecycle ok" : `[-]lifecycle failed: ${reason}`;
    return { ok: !failing && status === "ok", lines: [own, ...results.map(describe)] };
  }

  [Symbol.dispose](): void {
    this.#delay?.disable();
  }

  #status(failing: boolean): HealthReport["status"] {
    if (this.#phase !== "up") return this.#phase;
    if (this.#shedding !== undefined) return "shedding";
    return failing ? "failing" : "ok";
  }

  #results(checks: readonly Check[]): Promise<[Check, CheckResult][]> {
    return Promise.all(checks.map(async (check) => [check, await check.result()] as [Check, CheckResult]));
  }

  #watchLoop(): ReturnType<typeof monitorEventLoopDelay> {
    if (!this.#delay) {
      this.#delay = monitorEventLoopDelay({ resolution: resolutionMs });
      this.#delay.enable();
    }
    return this.#delay;
  }
}

function describe([check, { ok, reason }]: [Check, CheckResult]): string {
  return ok ? `[+]${check.name} ok` : `[-]${check.name} failed: ${reason}`;
}
