/** Reading a configuration file in the format that its name says. The parsers are loaded when they are needed. */
import { extname } from "node:path";
import { LaresError } from "../../core/errors.ts";

/**
 * Parses the text of a configuration file: `.json`, `.yaml`, `.yml` or `.toml`.
 *
 * @throws LaresError `invalid_configuration`, with line and column.
 */
export async function parseConfigurationText(file: string, text: string): Promise<unknown> {
  switch (extname(file).toLowerCase()) {
    case ".json":
      return attempt(
        file,
        () => JSON.parse(text),
        () => jsonPosition(text),
      );
    case ".yaml":
    case ".yml": {
      const { parse } = await import("yaml");
      return attempt(file, () => parse(text, { prettyErrors: true }), yamlPosition);
    }
    case ".toml": {
      const { parse } = await import("smol-toml");
      return attempt(file, () => parse(text), tomlPosition);
    }
    default:
      throw new LaresError("invalid_configuration", `Cannot read "${file}": its format is not known`, {
        hint: "Name it .json, .yaml, .yml or .toml.",
      });
  }
}

type Position = { readonly line: number; readonly column: number } | undefined;

function attempt(file: string, parse: () => unknown, position: (error: Error) => Position): unknown {
  try {
    return parse();
  } catch (cause) {
    const error = cause as Error;
    const at = position(error);
    const where = at ? `${file}:${at.line}:${at.column}` : file;
    const reason = (error.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
    throw new LaresError("invalid_configuration", `Cannot read "${where}": ${reason}`, {
      hint: "Correct it there; the configuration in use stays until then.",
      cause,
    });
  }
}

/** V8 does not always say where. The first wrong character ends the shortest beginning that nothing could complete. */
function jsonPosition(text: string): Position {
  let [completable, wrong] = [0, text.length];
  while (wrong - completable > 1) {
    const middle = (completable + wrong) >> 1;
    if (mayGoOn(text.slice(0, middle))) completable = middle;
    else wrong = middle;
  }
  const before = text.slice(0, Math.max(0, wrong - 1)).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function mayGoOn(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const { message } = error as Error;
    return /end of JSON input|Unterminated string/.test(message) || message.includes(`at position ${text.length} `);
  }
}

function yamlPosition(error: Error): Position {
  const at = (error as Error & { linePos?: readonly { line: number; col: number }[] }).linePos?.[0];
  return at && { line: at.line, column: at.col };
}

function tomlPosition(error: Error): Position {
  const { line, column } = error as Error & { line?: number; column?: number };
  return line === undefined || column === undefined ? undefined : { line, column };
}
