import * as z from "zod";
import { parseDuration } from "./parse-duration.ts";
import { parseSignal } from "./parse-signal.ts";
import { parsePercent, parseRate, parseSize } from "./parse-size.ts";

/*
 * The kinds of values that keys take. The message of each says what is expected, and nothing else: check-shape.ts adds what
 * was found, and for numbers without a unit the hint.
 */

/** `500ms`, `1h30m`; none where none makes sense. */
export const duration = durationFrom(0, "a duration such as `10s`");

/** A duration that would mean `always` or `never` if it were zero. */
export const someDuration = durationFrom(1, "a duration above zero such as `10s`");

/** `512M`; a bare zero needs no unit. */
export const size = z
  .union([z.literal(0), sizeFrom(0, "a size such as `512M`")], "a size such as `512M`")
  .meta({ title: "size" });

/** A size that nothing could be below. */
export const someSize = sizeFrom(1, "a size above zero such as `512M`");

/** `10M/s`. */
export const rate = parsed("a rate such as `10M/s`", (written) => parseRate(written) !== undefined, {
  title: "rate",
  examples: ["10M/s"],
});

/** `150%`. */
export const percent = parsed("a percentage such as `150%`", (written) => parsePercent(written) !== undefined, {
  title: "percentage",
  examples: ["50%", "150%"],
});

/** `SIGTERM` or `TERM`. */
export const signal = parsed(
  "the name of a signal such as `SIGTERM`",
  (written) => parseSignal(written) !== undefined,
  {
    title: "signal",
    examples: ["SIGTERM", "HUP"],
  },
);

/** Any text but none. */
export function text(expected: string): z.ZodString {
  return z.string(expected).min(1, expected);
}

/** A whole number within bounds. */
export function integer(expected: string, min: number, max?: number): z.ZodInt {
  const type = z.int(expected).min(min, expected);
  return max === undefined ? type : type.max(max, expected);
}

/** A number within bounds. */
export function number(expected: string, min: number, max?: number): z.ZodNumber {
  const type = z.number(expected).min(min, expected);
  return max === undefined ? type : type.max(max, expected);
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(...words: Words) {
  return z.enum(words, `one of ${words.map((word) => `\`${word}\``).join(", ")}`);
}

/** `true` or `false`. */
export const flag = z.boolean("`true` or `false`");

/** A list of strings. */
export function list(expected: string) {
  return z.array(text(expected), expected);
}

/** A program and its arguments: one string, or a list, of which arguments may be empty. */
export const command = z
  .union(
    [text("a command line"), z.array(z.string("an argument"), "a program and its arguments").min(1, "a program")],
    "a command line such as `node server.js`, or a list of a program and its arguments",
  )
  .meta({ title: "command" });

const mode = 'an octal mode such as `"027"`';

/** `"027"`: octal, whether or not it is quoted; normalise-values.ts reads it. */
export const octal = z
  .union([z.string().regex(/^(?:0o?)?[0-7]{1,4}$/, mode), integer(mode, 0, 7777)], mode)
  .meta({ title: "octal" });

/** A name from passwd(5) or group(5), or a number. Whether it exists is for the machine that runs the service to say. */
export function account(what: "user" | "group") {
  const expected = `the name of a ${what} such as \`www-data\``;
  const name = z.string(expected).regex(/^(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|\d{1,10})$/, expected);
  return z.union([name, integer(expected, 0)], expected).meta({ title: "name or number" });
}

/** A mapping with exactly these keys, all optional. */
export function mapping<Shape extends z.core.$ZodLooseShape>(expected: string, shape: Shape) {
  return z.strictObject(shape, { error: (issue) => (issue.code === "invalid_type" ? expected : undefined) });
}

function durationFrom(minMs: number, expected: string) {
  const accepts = (written: string): boolean => (parseDuration(written) ?? -1) >= minMs;
  return parsed(expected, accepts, { title: "duration", examples: ["500ms", "10s", "1h30m"] });
}

function sizeFrom(minBytes: number, expected: string) {
  const accepts = (written: string): boolean => (parseSize(written) ?? -1) >= minBytes;
  return parsed(expected, accepts, { title: "size", examples: ["64K", "512M", "2G"] });
}

function parsed(
  expected: string,
  accepts: (written: string) => boolean,
  meta: { readonly title: string; readonly examples: string[] },
) {
  return z.string(expected).refine(accepts, expected).meta(meta);
}
