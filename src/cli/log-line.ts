import type { LogLine } from "../logs/log-line.ts";
import type { Context } from "./command.ts";
import { printable } from "./describe-service.ts";
import { nameOf } from "./instances.ts";
import type { Style, Terminal } from "./terminal.ts";

/** Colours of prefixes, told apart at a glance; red is kept for stderr. */
const palette: readonly Style[] = ["cyan", "green", "yellow", "blue", "magenta"];

/** Makes the function that renders one line of a log, newline included. */
export function logPrinter({ json, terminal }: Context): (line: LogLine) => string {
  if (json) return toJson;
  const prefix = prefixes(terminal);
  return (line) => `${prefix(line)} ${terminal.color ? withoutControl(line.text) : line.text}\n`;
}

function toJson({ timeMs, service, slot, stream, text }: LogLine): string {
  return `${JSON.stringify({ time: new Date(timeMs).toISOString(), service, slot, stream, line: text })}\n`;
}

/** Each service gets the next colour when it first writes, and the column grows with the longest name so far. */
function prefixes(terminal: Terminal): (line: LogLine) => string {
  const colors = new Map<string, Style>();
  let width = 0;
  return (line) => {
    const color = colors.get(line.service) ?? palette[colors.size % palette.length] ?? "cyan";
    colors.set(line.service, color);
    const name = nameOf(line);
    width = Math.max(width, name.length);
    const bar = line.stream === "stderr" ? terminal.paint("red", "!") : terminal.paint("gray", "|");
    return `${terminal.paint(color, name.padEnd(width))} ${bar}`;
  };
}

/** Sequences that only colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
const coloring = /(\u001b\[[\d;]*m)/;

/** Colours that a service wrote are welcome on a terminal; anything else that steers it is not. */
function withoutControl(text: string): string {
  return text
    .split(coloring)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join("");
}
