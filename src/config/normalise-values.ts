import type { Path, SourceDocument } from "./diagnostic.ts";
import { parseDuration } from "./parse-duration.ts";
import { parsePercent, parseRate, parseSize } from "./parse-size.ts";

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
export function octal(
  value: string | number,
  { document, path }: { readonly document: SourceDocument; readonly path: Path },
): number {
  const text = typeof value === "string" ? value : document.locate(path)?.written;
  return text === undefined ? Number(value) : Number.parseInt(text.replace(/^0o/, ""), 8);
}
