import { stripVTControlCharacters, styleText } from "node:util";

export type Style = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "gray" | "bold" | "dim";

/** The output of a command. */
export interface Terminal {
  /** Width in columns; infinite when the output is not a terminal, so that nothing is cut off in a pipe. */
  readonly columns: number;
  /** Height in lines; infinite when the output is not a terminal. */
  readonly rows: number;
  /** Whether lines may be rewritten in place. */
  readonly live: boolean;
  readonly color: boolean;
  /** Writes to stdout as it is. */
  write(text: string): void;
  /** Colours text, where colours are wanted. */
  paint(style: Style | readonly Style[], text: string): string;
}

/**
 * Describes this process's stdout.
 *
 * @param options `noColor` is `--no-color`; NO_COLOR (https://no-color.org) and TERM=dumb have the same effect.
 */
export function openTerminal(options: { readonly noColor: boolean; readonly env: NodeJS.ProcessEnv }): Terminal {
  const { stdout } = process;
  const terminal = stdout.isTTY === true;
  const color = terminal && !options.noColor && !options.env.NO_COLOR && options.env.TERM !== "dumb";
  return {
    get columns() {
      return terminal ? stdout.columns || 80 : Number.POSITIVE_INFINITY;
    },
    get rows() {
      return terminal ? stdout.rows || 24 : Number.POSITIVE_INFINITY;
    },
    live: terminal && options.env.TERM !== "dumb",
    color,
    write: (text) => void stdout.write(text),
    paint: (style, text) => paint(style, text, color),
  };
}

/** Colours text if `color` is true. */
export function paint(style: Style | readonly Style[], text: string, color: boolean): string {
  return color ? styleText(style as Style, text, { validateStream: false }) : text;
}

/** The columns that a text takes, as far as it holds no wide characters. */
export function widthOf(text: string): number {
  return text.includes("\u001b") ? stripVTControlCharacters(text).length : text.length;
}

/** Cuts plain text to a width, showing that something was cut. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return columns < 1 ? "" : `${text.slice(0, columns - 1)}…`;
}
