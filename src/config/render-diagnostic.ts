import { styleText } from "node:util";
import type { Diagnostic } from "./diagnostic.ts";

/**
 * Shows a diagnostic as compilers do: the place, the message, the line with a squiggle under what is meant, the hint.
 *
 * @param options.color escape sequences for a terminal; none by default
 * @param options.relativeTo a directory; files below it are shown by their path from there
 * @returns several lines, without a newline at the end
 * @example
 * lares.yaml:4:7: error: unknown key `memroy` in `services.api.limits`
 *   4 |       memroy: 512M
 *     |       ~~~~~~
 *   hint: Did you mean `memory`?
 */
export function renderDiagnostic(
  diagnostic: Diagnostic,
  options: { readonly color?: boolean; readonly relativeTo?: string } = {},
): string {
  const paint: Paint = (format, text) => (options.color ? styleText(format, text, { validateStream: false }) : text);
  const { severity, message, hint } = diagnostic;
  const tint = severity === "error" ? "red" : "yellow";
  const place = paint("bold", printable(placeOf(diagnostic, options.relativeTo)));
  const lines = [`${place}: ${paint(tint, severity)}: ${printable(message)}`];
  if (diagnostic.source.trim() !== "") lines.push(...excerpt(diagnostic, paint, tint));
  if (hint !== undefined) lines.push(`  ${paint("cyan", "hint")}: ${printable(hint)}`);
  return lines.join("\n");
}

/** Shows several diagnostics, with an empty line between them. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  options: { readonly color?: boolean; readonly relativeTo?: string } = {},
): string {
  return diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, options)).join("\n\n");
}

type Color = "red" | "yellow" | "cyan" | "bold" | "dim";
type Paint = (format: Color, text: string) => string;

function placeOf({ file, line, column }: Diagnostic, relativeTo: string | undefined): string {
  const base = relativeTo === undefined ? undefined : `${relativeTo.replace(/\/$/, "")}/`;
  const name = base !== undefined && file.startsWith(base) ? file.slice(base.length) : file;
  return line === 0 ? name : `${name}:${line}:${column}`;
}

function excerpt({ line, column, length, source }: Diagnostic, paint: Paint, tint: Color): string[] {
  const gutter = ` ${line} `;
  const bar = paint("dim", "|");
  // Tabs are kept in the margin, so that the squiggle stands under its text whatever their width.
  const margin = source.slice(0, column - 1).replace(/[^\t]/g, " ");
  const squiggle = paint(tint, "~".repeat(length));
  return [
    ` ${paint("dim", gutter)}${bar} ${printable(source)}`,
    ` ${" ".repeat(gutter.length)}${bar} ${margin}${squiggle}`,
  ];
}

/** What is in a file must not steer the terminal of whoever checks it. As long as the text, for the squiggle's sake. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}
