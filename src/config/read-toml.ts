import { parse, TomlError } from "smol-toml";
import { type Diagnostic, diagnosticAt, type SourceDocument } from "./diagnostic.ts";
import { scanToml } from "./scan-toml.ts";

type ReadResult =
  | { readonly ok: true; readonly document: SourceDocument }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Reads TOML 1.0. */
export function readToml(file: string, text: string): ReadResult {
  try {
    const value: unknown = parse(text);
    const locations = scanToml(text);
    return { ok: true, document: { file, text, value, locate: (path) => locations.get(JSON.stringify(path)) } };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const lines = text.split("\n").slice(0, error.line - 1);
    const start = lines.reduce((offset, line) => offset + line.length + 1, 0) + error.column - 1;
    // The library's message goes on with an excerpt; ours is drawn by the renderer.
    const message = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    return {
      ok: false,
      diagnostics: [diagnosticAt({ file, text }, { start, end: start + 1 }, { severity: "error", message })],
    };
  }
}
