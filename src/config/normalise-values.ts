import { parseDuration } from "./parse-duration.ts";
import { parsePercent, parseRate, parseSize } from "./parse-size.ts";
import type { ServiceContext } from "./service-context.ts";

/*
 * Texts that the schema has already checked, as numbers. NaN cannot come out: what does not parse has not come here.
 */

/** Milliseconds. */
export function ms(text: string): number {
  return parseDuration(text) ?? Number.NaN;
}

/** Bytes. */
export function bytes(text: string | 0): number {
  return parseSize(String(text)) ?? Number.NaN;
}

/** Bytes a second. */
export function bytesPerSecond(text: string): number {
  return parseRate(text) ?? Number.NaN;
}

/** Percent of one processor. */
export function percent(text: string): number {
  return parsePercent(text) ?? Number.NaN;
}

/**
 * A file mode. YAML 1.2 reads `027` as the decimal 27, so a number counts as it was written; only in a module, where no text
 * is known, is it the mode itself (`0o027`).
 */
export function octal(value: string | number, { document, path, problems }: ServiceContext): number {
  const text = typeof value === "string" ? value : document.locate(path)?.written;
  if (text === undefined) return Number(value);
  const digits = text.replace(/^0o/, "");
  if (!/^[0-7]+$/.test(digits))
    problems.push({ path, message: `${text} is not octal`, hint: "Use the digits 0 to 7." });
  return Number.parseInt(digits, 8);
}
