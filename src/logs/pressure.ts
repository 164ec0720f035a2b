/** What a capture does when it may not write: the disk is full or broken, or the service has used up its rate. */
import type { LogSpec } from "../core/spec.ts";

/** Said once when bytes begin to be held back or dropped, and once when that is over. */
export interface PressureReport {
  readonly phase: "started" | "ended";
  /** `rate`, or the errno name: `ENOSPC`, `EROFS`, `EDQUOT`, `EIO` … */
  readonly reason: string;
  readonly mode: LogSpec["whenFull"];
  /** Dropped since the start of this period. A line whose end was dropped counts. */
  readonly droppedBytes: number;
  readonly droppedLines: number;
}

/** How often a disk that refused bytes is tried again, and how long it must then be good for the period to be over. */
const RETRY_MS = 1_000;
const NEWLINE = 0x0a;

interface Period {
  readonly reason: string;
  readonly mode: LogSpec["whenFull"];
  retryAtMs: number;
  /** Since when everything could be written again. */
  goodSinceMs: number | undefined;
  bytes: number;
  lines: number;
  /** Whether the bytes dropped so far end within a line. */
  midLine: boolean;
}

/**
 * The state of one stream under pressure. Holds no bytes: what is not dropped stays in the pipe, and the program waits in
 * its write.
 */
export class Pressure {
  readonly #report: (report: PressureReport) => void;
  #period: Period | undefined;
  #totalBytes = 0;

  constructor(report: (report: PressureReport) => void) {
    this.#report = report;
  }

  /** Bytes dropped since the capture began. */
  get droppedBytes(): number {
    return this.#totalBytes;
  }

  /** What to do with the bytes in the pipe at `nowMs`. */
  advice(nowMs: number): "write" | "wait" | "drop" | "try" {
    const period = this.#period;
    if (period === undefined) return "write";
    if (nowMs >= period.retryAtMs) return "try";
    return period.mode === "drop" ? "drop" : "wait";
  }

  /** When a waiting stream is to be looked at again. */
  get retryAtMs(): number {
    return this.#period?.retryAtMs ?? 0;
  }

  /** Whether dropping stopped within a line, whose rest must go too. */
  get midLine(): boolean {
    return this.#period?.midLine ?? false;
  }

  /** Writing failed for `reason`, or is not allowed before `retryAtMs`. */
  refuse(options: { reason: string; mode: LogSpec["whenFull"]; nowMs: number; retryAtMs?: number }): void {
    const retryAtMs = options.retryAtMs ?? options.nowMs + RETRY_MS;
    if (this.#period !== undefined) {
      this.#period.retryAtMs = retryAtMs;
      this.#period.goodSinceMs = undefined;
      return;
    }
    const { reason, mode } = options;
    this.#period = { reason, mode, retryAtMs, goodSinceMs: undefined, bytes: 0, lines: 0, midLine: false };
    this.#report(this.#view(this.#period, "started"));
  }

  /** These bytes were thrown away. */
  dropped(bytes: Uint8Array): void {
    const period = this.#period;
    if (period === undefined || bytes.length === 0) return;
    period.bytes += bytes.length;
    this.#totalBytes += bytes.length;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) period.lines += 1;
    period.midLine = bytes.at(-1) !== NEWLINE;
  }

  /** Bytes were written. One time is not enough: a full disk often has room for a few. */
  wrote(nowMs: number): void {
    const period = this.#period;
    if (period === undefined) return;
    period.goodSinceMs ??= nowMs;
    if (nowMs - period.goodSinceMs >= RETRY_MS) this.end();
  }

  /** Nothing more will be refused. */
  end(): void {
    const period = this.#period;
    if (period === undefined) return;
    this.#period = undefined;
    this.#report(this.#view(period, "ended"));
  }

  #view(period: Period, phase: PressureReport["phase"]): PressureReport {
    const { reason, mode, bytes, lines, midLine } = period;
    return { phase, reason, mode, droppedBytes: bytes, droppedLines: lines + (midLine ? 1 : 0) };
  }
}
