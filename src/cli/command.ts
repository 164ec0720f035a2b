import type { Client } from "../client/client.ts";
import type { Homes } from "../protocol/homes.ts";
import type { Terminal } from "./terminal.ts";

/** One option of a command, as parsed and as shown by `--help`. */
export interface OptionSpec {
  readonly type: "boolean" | "string";
  readonly short?: string;
  /** What stands for the value in the help, for example `FILE`. */
  readonly value?: string;
  readonly help: string;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What was given for the options of a table. */
export type OptionValues<Options extends OptionTable> = {
  readonly [Name in keyof Options]?: Options[Name]["type"] extends "string" ? string : boolean;
};

/** A command that is not loaded yet. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  // biome-ignore lint/suspicious/noExplicitAny: each command knows the types of its own options; this table need not.
  readonly load: () => Promise<{ readonly command: Command<any> }>;
}

/** What a command works with; everything it knows of the outside comes from here. */
export interface Context {
  readonly homes: Homes;
  readonly client: Client;
  readonly terminal: Terminal;
  /** All commands there are, for the one that completes their names. */
  readonly commands: readonly CommandEntry[];
  /** `--json`: one document, or NDJSON where the command is a stream. */
  readonly json: boolean;
  /** The words after the command's name that are not options. */
  readonly operands: readonly string[];
  /** The words after `--`; undefined when there was no `--`. */
  readonly rest: readonly string[] | undefined;
}

/** One command of the command line. */
export interface Command<Options extends OptionTable = OptionTable> {
  /** After `lares `, for example `ls [SERVICE…]`. */
  readonly usage: string;
  readonly description: string;
  readonly options: Options;
  readonly examples: readonly string[];
  /** What completion offers in place of operands. */
  readonly operands?: "services" | "files" | readonly string[];
  /** Resolves to the exit code; 0 when it resolves to nothing. */
  run(context: Context, values: OptionValues<Options>): Promise<number | undefined>;
}

/** Gives `run` the types of the command's own options. */
export function defineCommand<const Options extends OptionTable>(command: Command<Options>): Command<Options> {
  return command;
}
