import { parseDuration } from "../config/parse-duration.ts";
import { LaresError } from "../core/errors.ts";

/**
 * Reads a duration given to an option, such as `500ms`, `5s` or `1h30m`.
 *
 * @param option The option that holds it, for the message.
 * @throws LaresError `usage`.
 */
export function durationOption(text: string, option: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new LaresError("usage", `Cannot read ${option} "${text}": it is not a duration`, {
    hint: "Write a number and a unit, for example `500ms`, `5s`, `10m`, `1h` or `14d`.",
  });
}

/** A duration in its largest two units that matter: `51s`, `3m 20s`, `2d 4h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.floor(ms)}ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return pair(seconds, [60, "m"], [1, "s"]);
  if (seconds < 86_400) return pair(seconds, [3600, "h"], [60, "m"]);
  return pair(seconds, [86_400, "d"], [3600, "h"]);
}

function pair(seconds: number, [big, bigName]: [number, string], [small, smallName]: [number, string]): string {
  const rest = Math.floor((seconds % big) / small);
  const whole = `${Math.floor(seconds / big)}${bigName}`;
  return rest === 0 ? whole : `${whole} ${rest}${smallName}`;
}

/** A size in powers of 1024 with at most one decimal: `512K`, `46M`, `1.2G`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "K", "M", "G", "T"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = value < 10 && unit > 1 ? 1 : 0;
  return `${value.toFixed(digits)}${units[unit]}`;
}

/**
 * Reads a moment: an ISO 8601 time, a local time of today (`14:05`), or how long ago (`10m`).
 *
 * @param options `option` is for the message, `nowMs` the present.
 * @returns Milliseconds since the epoch.
 * @throws LaresError `usage`.
 */
export function timeOption(text: string, options: { readonly option: string; readonly nowMs: number }): number {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined) return options.nowMs - agoMs;
  if (/^([01]?\d|2[0-3])(:[0-5]\d){1,2}$/.test(text)) {
    const [hours = 0, minutes = 0, seconds = 0] = text.split(":").map(Number);
    return new Date(options.nowMs).setHours(hours, minutes, seconds, 0);
  }
  const time = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new LaresError("usage", `Cannot read ${options.option} "${text}": it is not a time`, {
    hint: "Write how long ago (`10m`), a time of today (`14:05`) or an ISO 8601 time (`2026-11-22T14:05:00Z`).",
  });
}
