import type { ServiceView } from "../protocol/api.ts";
import { formatBytes, formatDuration } from "./units.ts";

type Rows = [string, string][];

/**
 * A service's configuration as rows, one for each value that is set, keys joined by dots.
 *
 * It follows the shape of the data instead of naming every key, so that a new key shows up by itself.
 */
export function renderSpec(spec: ServiceView["spec"]): Rows {
  const { name: _, command, ...others } = spec;
  return [["command", command.map(quoted).join(" ")], ...rowsOf("", others)];
}

function rowsOf(prefix: string, values: object): Rows {
  return Object.entries(values).flatMap(([key, value]): Rows => {
    const path = `${prefix}${key}`;
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.length === 0 ? [] : [[label(path), value.map(item).join(" ")]];
    if (typeof value === "object") return rowsOf(`${path}.`, value);
    return [[label(path), scalar(path, value as string | number | boolean)]];
  });
}

/** Units are part of the keys; for people they are part of the value. */
function label(path: string): string {
  return path.replace(/(Ms|Bytes|Percent)$/, "");
}

function scalar(path: string, value: string | number | boolean): string {
  if (typeof value !== "number") return String(value);
  if (path.endsWith("Ms")) return formatDuration(value);
  if (path.endsWith("Bytes")) return formatBytes(value);
  if (path.endsWith("Percent")) return `${value}%`;
  return path === "umask" ? `0${value.toString(8)}` : String(value);
}

function item(value: unknown): string {
  return typeof value === "string" ? quoted(value) : JSON.stringify(value);
}

/** As a shell would need it, so that a command can be copied out and tried. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
