import { inspect, styleText } from "node:util";

/** Of a record, as loggers tell it. */
export type Level = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL";
type Fields = Record<string, unknown>;

const colors = {
  TRACE: "gray",
  DEBUG: "cyan",
  INFO: "green",
  WARN: "yellow",
  ERROR: "red",
  FATAL: "magenta",
} as const;

/** Words for levels in zap, logrus, winston, slog, Python and syslog; pino and bunyan have numbers. */
const words: Readonly<Record<string, Level>> = {
  ...{ trace: "TRACE", silly: "TRACE", verbose: "DEBUG", debug: "DEBUG", info: "INFO", http: "INFO", notice: "INFO" },
  ...{ warn: "WARN", warning: "WARN", error: "ERROR", err: "ERROR", critical: "FATAL", crit: "FATAL" },
  ...{ dpanic: "FATAL", panic: "FATAL", fatal: "FATAL", emerg: "FATAL", alert: "FATAL" },
};

const LEVEL_KEYS = ["level", "severity", "levelname"];
const MESSAGE_KEYS = ["msg", "message"];
/** Said already by the reader's own columns, or of no use to a person. */
const SILENT_KEYS = new Set(["time", "ts", "timestamp", "@timestamp", "pid", "hostname", "v"]);

/**
 * A line as a person likes to read it: of a JSON record of pino, bunyan, zap, logrus, winston or their like, the level, the
 * message and the other fields; every other line unchanged.
 *
 * @example
 * renderJsonLine('{"level":30,"msg":"ready","port":80}', { color: false }) // "INFO  ready port=80"
 */
export function renderJsonLine(text: string, options: { readonly color: boolean }): string {
  const fields = parseFields(text);
  if (fields === undefined) return text;
  const levelKey = LEVEL_KEYS.find((key) => key in fields);
  const messageKey = MESSAGE_KEYS.find((key) => typeof fields[key] === "string");
  const level = levelKey === undefined ? undefined : levelOf(fields[levelKey]);
  if (level === undefined || messageKey === undefined) return text;

  const paint = (style: Parameters<typeof styleText>[0], words: string) =>
    options.color ? styleText(style, words, { validateStream: false }) : words;
  const rest = Object.entries(fields).filter(
    ([key]) => key !== levelKey && key !== messageKey && !SILENT_KEYS.has(key),
  );
  const pairs = rest
    .filter(([, value]) => !isLong(value))
    .map(([key, value]) => `${paint("gray", `${key}=`)}${shown(withoutStack(value))}`);
  const head = [paint(colors[level], level.padEnd(5)), String(fields[messageKey]), ...pairs].join(" ");
  return [head, ...rest.flatMap(([, value]) => stackLines(value))].join("\n");
}

/** The level of a line that is a JSON record; undefined where it says none. */
export function levelOfLine(text: string): Level | undefined {
  const fields = parseFields(text);
  const key = fields && LEVEL_KEYS.find((each) => each in fields);
  return key === undefined ? undefined : levelOf(fields?.[key]);
}

function parseFields(text: string): Fields | undefined {
  if (!text.startsWith("{") || !text.trimEnd().endsWith("}")) return undefined;
  try {
    return JSON.parse(text) as Fields;
  } catch {
    return undefined;
  }
}

/** pino and bunyan count 10, 20 … 60; what lies between belongs to the step below it. */
function levelOf(value: unknown): Level | undefined {
  if (typeof value === "string") return words[value.toLowerCase()];
  if (typeof value !== "number") return undefined;
  const steps = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;
  return steps[Math.min(5, Math.max(0, Math.floor(value / 10) - 1))];
}

function shown(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return inspect(value, { breakLength: Infinity, depth: 4 });
}

/** Text of many lines is written out below the line: a stack in a field of its own, or within an error. */
function stackLines(value: unknown): string[] {
  const stack = isLong(value) ? value : (value as { stack?: unknown } | null)?.stack;
  return typeof stack === "string" ? stack.split("\n").map((line) => `    ${line}`) : [];
}

function withoutStack(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("stack" in value)) return value;
  const { stack: _, ...rest } = value;
  return rest;
}

function isLong(value: unknown): value is string {
  return typeof value === "string" && value.includes("\n");
}
