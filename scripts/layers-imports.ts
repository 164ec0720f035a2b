/** One module named by a source text: `import … from`, `export … from`, `import "…"`, `import("…")` or `require("…")`. */
export interface ImportSite {
  readonly specifier: string;
  /** Counts from 1; the line that holds the specifier. */
  readonly line: number;
  /** True of `import type` and `export type`, which leave nothing behind at run time. */
  readonly typeOnly: boolean;
}

/** After masking, every string literal is `"N"` with N its number, so nothing inside a string can look like code. */
const site =
  /(?<![.\w$])(?:import\s*\(?\s*|require\s*\(\s*|(?:import|export)\b(?<clause>[\w$\s{},*]*?)\bfrom\s*)"(?<index>\d+)"/g;

/**
 * Finds every import of a TypeScript source without parsing it.
 *
 * Comments, strings, templates and regular expressions are masked first. A dynamic import of a computed name is not seen:
 * it loads what a user names, not a part of Lares.
 *
 * @param source the text of one file
 * @returns the imports in the order they stand
 */
export function importsOf(source: string): ImportSite[] {
  const { code, strings } = mask(source);
  const found: ImportSite[] = [];
  let line = 1;
  let counted = 0;
  for (const match of code.matchAll(site)) {
    const end = match.index + match[0].length;
    line += newlines(code.slice(counted, end)).length;
    counted = end;
    const specifier = strings[Number(match.groups?.index)] ?? "";
    found.push({ specifier, line, typeOnly: /^\s*type\s+[\w${*]/.test(match.groups?.clause ?? "") });
  }
  return found;
}

const lexeme =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<quote>["'])(?<text>(?:\\[\s\S]|(?!\k<quote>)[^\\\n])*)\k<quote>|[^"'`/{}]+|[\s\S]/y;
const templateText = /(?<text>(?:\\[\s\S]|\$(?!\{)|[^`\\$])*)(?<end>`|\$\{|$)/y;
const regularExpression = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
/** What a `/` follows when it divides rather than opens a regular expression. */
const operand = /(?<!\b(?:return|typeof|case|of|in|await|yield|do|else))[\w$)\]}"`]\s*$/;

/** Blanks everything that is not code, line by line; string literals become their number in `strings`. */
function mask(source: string): { code: string; strings: string[] } {
  const strings: string[] = [];
  /** For each open brace, whether it is the `${` of a template. */
  const braces: boolean[] = [];
  let code = "";
  let at = 0;

  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const keep = (text: string): string => `"${strings.push(text) - 1}"${newlines(text)}`;
  const template = (isHead: boolean): void => {
    const { text = "", end } = next(templateText)?.groups ?? {};
    if (end === "${") braces.push(true);
    code += isHead && end !== "${" ? keep(text) : `${newlines(text)}\``;
  };

  while (at < source.length) {
    const start = at;
    const match = next(lexeme);
    const { comment, text } = match?.groups ?? {};
    const piece = match?.[0] ?? "";
    if (comment !== undefined) code += ` ${newlines(comment)}`;
    else if (text !== undefined) code += keep(text);
    else if (piece === "`") template(true);
    else if (piece === "}" && braces.pop() === true) template(false);
    else if (piece === "/" && !operand.test(code.slice(-80))) {
      at = start;
      if (next(regularExpression) === null) at = start + 1;
      code += ")";
    } else {
      if (piece === "{") braces.push(false);
      code += piece;
    }
  }
  return { code, strings };
}

function newlines(text: string): string {
  return text.replace(/[^\n]+/g, "");
}
