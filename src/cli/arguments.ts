import { parseArgs } from "node:util";
import { nearest } from "../config/nearest.ts";
import { LaresError } from "../core/errors.ts";
import type { OptionTable } from "./command.ts";

/** Options that every command takes. */
export const globalOptions = {
  home: { type: "string", value: "DIR", help: "keep everything of this supervisor in DIR (also LARES_HOME)" },
  json: { type: "boolean", help: "print JSON (streams: one document per line)" },
  "no-color": { type: "boolean", help: "print no colours (also NO_COLOR)" },
  help: { type: "boolean", short: "h", help: "show this help" },
  version: { type: "boolean", short: "V", help: "show the version" },
} as const satisfies OptionTable;

/** Words of a command line, sorted. */
export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean>>;
  readonly operands: readonly string[];
  /** What followed `--`; undefined without one. */
  readonly rest: readonly string[] | undefined;
}

/**
 * Splits a command line at the name of the command. Global options may stand on either side of it.
 *
 * @returns `command` is undefined when there is none.
 */
export function splitCommand(words: readonly string[]): { command: string | undefined; words: readonly string[] } {
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? "";
    if (!word.startsWith("-") || word === "-") return { command: word, words: words.toSpliced(at, 1) };
    // The one global option with a value: its value is not the command.
    at += word === "--home" ? 2 : 1;
  }
  return { command: undefined, words };
}

/**
 * Sorts words into options, operands and what follows `--`.
 *
 * @throws LaresError `usage` naming the nearest known option.
 */
export function parseArguments(words: readonly string[], own: OptionTable): Arguments {
  const options: OptionTable = { ...globalOptions, ...own };
  // Not strict, because Node's own messages do not know the nearest option.
  const { tokens } = parseArgs({ args: [...words], options: plain(options), strict: false, tokens: true });
  const values: Record<string, string | boolean> = {};
  const operands: string[] = [];
  let rest: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") rest = [];
    else if (token.kind === "positional") (rest ?? operands).push(token.value);
    else values[token.name] = optionValue(token, options);
  }
  return { values, operands, rest };
}

function plain(options: OptionTable) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
  );
}

function optionValue(
  token: { readonly name: string; readonly rawName: string; readonly value?: string | undefined },
  options: OptionTable,
): string | boolean {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (option === undefined) throw unknownOption(token.rawName, options);
  if (option.type === "string") {
    if (token.value !== undefined) return token.value;
    throw new LaresError("usage", `Cannot read option "${token.rawName}": its ${option.value ?? "value"} is missing`);
  }
  if (token.value === undefined) return true;
  throw new LaresError("usage", `Cannot read option "${token.rawName}=${token.value}": it takes no value`);
}

function unknownOption(rawName: string, options: OptionTable): LaresError {
  const known = Object.entries(options).flatMap(([name, { short }]) => [`--${name}`, ...(short ? [`-${short}`] : [])]);
  const guess = rawName.startsWith("--") ? nearest(rawName, known) : undefined;
  return new LaresError("usage", `Cannot read option "${rawName}": there is no such option`, {
    hint: guess === undefined ? "List the options with `--help`." : `Did you mean \`${guess}\`?`,
  });
}
