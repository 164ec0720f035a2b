import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { type Diagnostic, diagnosticAt, type Location, type Path, type SourceDocument } from "./diagnostic.ts";

type ReadResult =
  | { readonly ok: true; readonly document: SourceDocument }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Reads YAML 1.2 with merge keys; also JSON, of which YAML is a superset, for the sake of its positions. */
export function readYaml(file: string, text: string): ReadResult {
  const parsed = parseDocument(text, { merge: true, prettyErrors: false });
  const place = { file, text };
  // The library only warns of a tag it does not know; its value would be something else than was meant.
  const errors = [...parsed.errors, ...parsed.warnings];
  if (errors.length > 0) return { ok: false, diagnostics: syntaxErrors(place, errors) };
  try {
    const value: unknown = parsed.toJS();
    return { ok: true, document: { ...place, value, locate: (path) => locate(parsed, path) } };
  } catch (error) {
    // An alias without its anchor, or aliases that multiply without end ("a billion laughs").
    return { ok: false, diagnostics: [aliasError(place, (error as Error).message)] };
  }
}

interface Place {
  readonly file: string;
  readonly text: string;
}

type YamlError = { readonly code: string; readonly message: string; readonly pos: readonly [number, number] };

/** One for each place: of several, the library's last is the plainest. */
function syntaxErrors(place: Place, errors: readonly YamlError[]): Diagnostic[] {
  const byPlace = new Map(errors.map((error) => [error.pos[0], error]));
  return [...byPlace.values()].map((error) => syntaxError(place, error));
}

function aliasError(place: Place, reason: string): Diagnostic {
  const name = /^Unresolved alias .*: (\S+)$/.exec(reason)?.[1];
  const start = place.text.indexOf(`*${name}`);
  if (name === undefined || start < 0)
    return diagnosticAt(place, { start: 0, end: 1 }, { severity: "error", message: reason });
  const what = { severity: "error", message: `there is no anchor \`&${name}\` before this alias` } as const;
  return diagnosticAt(place, { start, end: start + name.length + 1 }, what);
}

function syntaxError(place: Place, error: YamlError): Diagnostic {
  const [start, end] = error.pos;
  if (error.code === "DUPLICATE_KEY") {
    const key = /^[^\s:]+/.exec(place.text.slice(start))?.[0] ?? "";
    const what = { severity: "error", message: `duplicate key \`${key}\``, hint: "Keep one of the two." } as const;
    return diagnosticAt(place, { start, end: start + key.length }, what);
  }
  if (error.code === "MULTIPLE_DOCS") {
    const what = {
      severity: "error",
      message: "a second document begins here",
      hint: "Keep one for each file.",
    } as const;
    return diagnosticAt(place, { start, end }, what);
  }
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  const hint = error.code.startsWith("TAB") || message.includes("Tabs") ? { hint: "Indent with spaces." } : {};
  return diagnosticAt(place, { start, end }, { severity: "error", message, ...hint });
}

function locate(document: Document, path: Path): Location | undefined {
  let node: unknown = document.contents;
  let key: Node | undefined;
  for (const segment of path) {
    node = follow(document, node);
    if (isMap(node)) {
      const pair = findPair(document, node, String(segment));
      if (pair === undefined) return undefined;
      [key, node] = [pair.key as Node, pair.value];
    } else if (isSeq(node)) [key, node] = [undefined, node.items[Number(segment)]];
    else return undefined;
  }
  const keyRange = rangeOf(key);
  const value = rangeOf(node as Node | undefined) ?? keyRange;
  if (value === undefined) return undefined;
  const written = follow(document, node);
  return {
    ...(keyRange && { key: keyRange }),
    value,
    ...(isScalar(written) && written.source !== undefined && { written: written.source }),
  };
}

/** A mapping's own key, or else the one that a merge key brings in. */
function findPair(document: Document, map: YAMLMap, key: string): Pair | undefined {
  const own = map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key && !isMergeKey(pair));
  if (own !== undefined) return own;
  for (const pair of map.items.filter(isMergeKey)) {
    const merged = follow(document, pair.value);
    for (const source of isSeq(merged) ? merged.items : [merged]) {
      const target = follow(document, source);
      const found = isMap(target) ? findPair(document, target, key) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** With `merge: true` the library turns `<<` into a symbol, unless it is quoted. */
function isMergeKey(pair: Pair): boolean {
  return isScalar(pair.key) && typeof pair.key.value === "symbol";
}

function follow(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function rangeOf(node: Node | undefined): { start: number; end: number } | undefined {
  const range = node?.range;
  return range ? { start: range[0], end: range[1] } : undefined;
}
