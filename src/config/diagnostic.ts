/** Something wrong, or doubtful, at one place of a configuration file. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly message: string;
  /** What to do, in one sentence. */
  readonly hint?: string;
  /** Absolute path, or `command line`. */
  readonly file: string;
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  /** How much of the line is meant; at least 1. */
  readonly length: number;
  /** The text of the line. */
  readonly source: string;
}

/** From the root of the document: keys of mappings, indices of lists. */
export type Path = readonly (string | number)[];

/** Offsets into the text, the end excluded. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where an entry of a document stands. */
export interface Location {
  /** Absent for items of lists and for the root. */
  readonly key?: Range;
  readonly value: Range;
  /** A scalar as it was written, for example `1.10`, which as a number would be 1.1. */
  readonly written?: string;
}

/** A file that was read: its plain values, and where each was written. */
export interface SourceDocument {
  readonly file: string;
  readonly text: string;
  readonly value: unknown;
  locate(path: Path): Location | undefined;
}

/** Something wrong at a path; {@link diagnose} turns it into a place in the text. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
  /** Which half of the entry to point at; the value by default. */
  readonly at?: "key" | "value";
  readonly severity?: "error" | "warning";
  /** Points at the first occurrence of this text within the value, if it is there. */
  readonly part?: string;
}

/** Finds the place of a problem; what is not in the document is shown at the nearest entry around it. */
export function diagnose(document: SourceDocument, problem: Problem): Diagnostic {
  const { severity = "error", message, hint } = problem;
  return diagnosticAt(document, rangeOf(document, problem), { severity, message, ...(hint !== undefined && { hint }) });
}

/** A diagnostic at a range of a text. Of a range over several lines, the first line is shown. */
export function diagnosticAt(
  { file, text }: { readonly file: string; readonly text: string },
  range: Range,
  what: Pick<Diagnostic, "severity" | "message" | "hint">,
): Diagnostic {
  const start = Math.min(range.start, text.length);
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const newline = text.indexOf("\n", start);
  const source = text.slice(lineStart, newline < 0 ? text.length : newline).replace(/\r$/, "");
  const column = start - lineStart;
  const length = Math.max(1, Math.min(range.end - start, source.trimEnd().length - column));
  return { ...what, file, line: text.slice(0, start).split("\n").length, column: column + 1, length, source };
}

/** A diagnostic about a file as a whole, as when it cannot be read. */
export function diagnosticOfFile(file: string, message: string, hint?: string): Diagnostic {
  const place = { file, line: 0, column: 1, length: 1, source: "" };
  return { severity: "error", message, ...(hint !== undefined && { hint }), ...place };
}

function rangeOf(document: SourceDocument, problem: Problem): Range {
  for (let depth = problem.path.length; depth > 0; depth--) {
    const location = document.locate(problem.path.slice(0, depth));
    if (location === undefined) continue;
    // What is missing inside a mapping is shown at the key of that mapping, not at all of its lines.
    const wanted = depth < problem.path.length ? "key" : (problem.at ?? "value");
    const range = wanted === "key" ? (location.key ?? location.value) : location.value;
    return problem.part === undefined ? range : partOf(document.text, range, problem.part);
  }
  return { start: 0, end: 1 };
}

function partOf(text: string, range: Range, part: string): Range {
  const index = text.slice(range.start, range.end).indexOf(part);
  return index < 0 ? range : { start: range.start + index, end: range.start + index + part.length };
}
