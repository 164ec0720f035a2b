import type { EventView } from "../protocol/api.ts";
import type { Style, Terminal } from "./terminal.ts";

/** Members that have a place of their own in the line. */
const placed = new Set(["at", "seq", "type", "service", "slot", "generation", "cause"]);

/**
 * One event as a line: time, who, what, why, and every further detail as `key=value`.
 *
 * @returns A line without newline; never cut, since it may be the only trace of what went wrong.
 */
export function renderEvent(event: EventView, terminal: Terminal): string {
  const who =
    event.service === undefined ? "lares" : `${event.service}${event.slot === undefined ? "" : `/${event.slot}`}`;
  const details = Object.entries(event).flatMap(([key, value]) =>
    placed.has(key) || value === undefined || value === null ? [] : [`${key}=${detail(value)}`],
  );
  const parts = [
    terminal.paint("gray", formatTime(event.at)),
    terminal.paint("bold", who.padEnd(12)),
    terminal.paint(styleOfEvent(event.type), event.type),
    ...(event.cause === undefined ? [] : [`(${event.cause})`]),
    ...(details.length === 0 ? [] : [terminal.paint("gray", details.join(" "))]),
  ];
  return parts.join(" ");
}

/** A time of the local zone, `2026-11-22 14:05:07.123`: what an operator compares with a clock on the wall. */
export function formatTime(time: string | number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().replace("T", " ").slice(0, 23);
}

function detail(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
}

function styleOfEvent(type: string): Style {
  if (/failed|limit_reached|timed_out|refused|lost/.test(type)) return "red";
  if (/ready|completed|recovered/.test(type)) return "green";
  return /exited|scheduled|stopp/.test(type) ? "yellow" : "cyan";
}
