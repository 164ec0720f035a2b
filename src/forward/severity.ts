import type { LogLine } from "../logs/log-line.ts";
import { type Level, levelOfLine } from "../logs/pretty.ts";

/** RFC 5424, 6.2.1; the journal's PRIORITY is the same. */
const severities: Readonly<Record<Level, number>> = { TRACE: 7, DEBUG: 7, INFO: 6, WARN: 4, ERROR: 3, FATAL: 2 };

/** What a JSON record says of itself; of other lines, stdout is information and stderr an error, as Docker has it. */
export function severityOf({ text, stream }: LogLine): number {
  const level = levelOfLine(text);
  if (level !== undefined) return severities[level];
  return stream === "stderr" ? severities.ERROR : severities.INFO;
}
