/** One NDJSON line as a person at a terminal wants it. */
import { inspect, styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

const levels: Readonly<Record<number, readonly [name: string, style: Style]>> = {
  10: ["TRACE", "gray"],
  20: ["DEBUG", "blue"],
  30: ["INFO", "green"],
  40: ["WARN", "yellow"],
  50: ["ERROR", "red"],
  60: ["FATAL", "magenta"],
};

/** What every line has, and nobody reads at a terminal. */
const hidden = new Set(["level", "time", "msg", "pid", "hostname", "name", "err"]);

/** `14:59:59.123 INFO  listening port=8080`, and the stack of an error below it. */
export function prettyLine(line: string): string {
  const record = parse(line);
  if (!record) return line;
  const time = new Date(Number(record.time)).toTimeString().slice(0, 8);
  const [name, style] = levels[Number(record.level)] ?? [String(record.level), "white"];
  const members = Object.entries(record)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => `${styleText("dim", `${key}=`)}${text(value)}`);
  const error = record.err as { stack?: string; message?: string } | undefined;
  const stack = error ? `\n${styleText("red", error.stack ?? error.message ?? inspect(error))}` : "";
  return `${[styleText("dim", time), styleText(style, name.padEnd(5)), record.msg, ...members].filter(Boolean).join(" ")}${stack}\n`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
