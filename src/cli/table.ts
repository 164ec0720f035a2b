import { cut, type Style, type Terminal, widthOf } from "./terminal.ts";

/** A cell: plain text, or text with a style. */
export type Cell = string | { readonly text: string; readonly style: Style };

export interface Column {
  readonly title: string;
  readonly align?: "right";
}

const gap = "  ";

/**
 * Renders a table that fits the terminal: the last column is cut where it must be, and columns are never wider than their
 * widest cell.
 *
 * @returns Lines without newlines, the header first.
 */
export function renderTable(
  columns: readonly Column[],
  { rows, terminal }: { readonly rows: readonly (readonly Cell[])[]; readonly terminal: Terminal },
): string[] {
  const widths = columns.map(({ title }, index) =>
    rows.reduce((width, row) => Math.max(width, widthOf(textOf(row[index]))), title.length),
  );
  const header = columns.map(({ title }): Cell => ({ text: title, style: "bold" }));
  return [header, ...rows].map((row) => renderRow(row, { columns, widths, terminal }));
}

function renderRow(
  row: readonly Cell[],
  layout: { readonly columns: readonly Column[]; readonly widths: readonly number[]; readonly terminal: Terminal },
): string {
  const { columns, widths, terminal } = layout;
  let used = 0;
  let line = "";
  for (const [index, column] of columns.entries()) {
    const cell = row[index] ?? "";
    const left = index === 0 ? "" : gap;
    const room = Math.max(0, terminal.columns - used - left.length);
    const width = Math.min(widths[index] ?? 0, room);
    const text = cut(textOf(cell), width);
    const padding = " ".repeat(width - text.length);
    const painted = typeof cell === "string" ? text : terminal.paint(cell.style, text);
    const last = index === columns.length - 1;
    line += left + (column.align === "right" ? padding + painted : painted + (last ? "" : padding));
    used += left.length + width;
  }
  return line.trimEnd();
}

/** A newline or tab in a status text would tear the table. */
function textOf(cell: Cell | undefined): string {
  const text = typeof cell === "object" ? cell.text : (cell ?? "");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f]+/g, " ");
}
