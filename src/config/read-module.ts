import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";
import { type Diagnostic, diagnosticAt, diagnosticOfFile, type SourceDocument } from "./diagnostic.ts";
import { locateInModule } from "./locate-in-module.ts";

type ReadResult =
  | { readonly ok: true; readonly document: SourceDocument }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

const deadlineMs = 30_000;
const outputCharsMax = 4_096;

/** What the child says: the default export as JSON, or what was thrown. */
type Answer = { readonly json: string } | { readonly name: string; readonly message: string; readonly stack: string };

/**
 * Runs in the child. A string rather than a file, so that it also works from a bundle.
 *
 * The way through JSON makes sure that a function or a class instance in the export cannot look like data. An error is said
 * and then thrown: of a syntax error, Node tells the place only as it dies of it, on stderr.
 */
const childSource = `
const answer = await import(process.argv[1]).then(async (module) => {
  if (!("default" in module)) throw new TypeError("the module has no default export");
  const json = JSON.stringify(typeof module.default === "function" ? await module.default() : await module.default);
  return json === undefined ? { json: "null" } : { json };
}).catch((error) => ({ error }));
if ("json" in answer) process.send(answer, () => process.exit());
else {
  const { name, message, stack } = Object(answer.error);
  const described = { name: String(name ?? "Error"), message: String(message ?? answer.error), stack: String(stack ?? "") };
  process.send(described, () => { throw answer.error; });
}
`;

/**
 * Evaluates a TypeScript or JavaScript module and takes its default export: a value, a promise, or a function that gives one.
 *
 * It runs in a process of its own that ends at once: a second `import` in this process would give the stale module, and what
 * the module does to its globals is no concern of ours.
 */
export async function readModule(
  file: string,
  { text, env }: { readonly text: string; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<ReadResult> {
  const answer = await evaluate(file, env);
  if (typeof answer === "string") {
    return {
      ok: false,
      diagnostics: [diagnosticOfFile(file, "the module ended before it gave its configuration", answer)],
    };
  }
  if (!("json" in answer)) return { ok: false, diagnostics: [errorOfModule({ file, text }, answer)] };
  const value: unknown = JSON.parse(answer.json);
  return { ok: true, document: { file, text, value, locate: (path) => locateInModule(text, path) } };
}

/** The child's answer, or, if it gave none, the reason. */
function evaluate(file: string, env: Readonly<Record<string, string | undefined>>): Promise<Answer | string> {
  const { promise, resolve } = Promise.withResolvers<Answer | string>();
  const flags = ["--disable-warning=ExperimentalWarning", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"];
  const child = spawn(
    process.execPath,
    [...flags, "--input-type=module", "--eval", childSource, pathToFileURL(file).href],
    { env, stdio: ["ignore", "ignore", "pipe", "ipc"], timeout: deadlineMs, killSignal: "SIGKILL" },
  );
  let output = "";
  let answer: Answer | undefined;
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    output = (output + chunk).slice(-outputCharsMax);
  });
  child.on("message", (message) => {
    answer = message as Answer;
  });
  child.on("error", (error) => resolve(error.message));
  child.on("close", (code, signal) => {
    const end = signal === "SIGKILL" ? `It was killed after ${deadlineMs / 1000} s.` : `It ended with status ${code}.`;
    if (answer === undefined) resolve(output.trim() === "" ? end : `${end} Its last words: ${output.trim()}`);
    else resolve("json" in answer ? answer : { ...answer, stack: `${answer.stack}\n${output}` });
  });
  return promise;
}

/** Shows an error at the innermost line of the module that its stack names. */
function errorOfModule(
  place: { readonly file: string; readonly text: string },
  { name, message, stack }: Extract<Answer, { name: string }>,
): Diagnostic {
  const url = pathToFileURL(place.file).href;
  const what = { severity: "error", message: `${name}: ${message.split("\n")[0]}` } as const;
  const lines = stack.split("\n");
  for (const [index, line] of lines.entries()) {
    const found = /((?:file:\/\/)?\/[^\s()]*?):(\d+)(?::(\d+))?\)?$/.exec(line.trim());
    if (found === null || (found[1] !== url && found[1] !== place.file)) continue;
    const column = found[3] === undefined ? columnOfCaret(lines.slice(index + 1)) : Number(found[3]);
    return diagnosticAt(place, rangeAt(place.text, Number(found[2]), column), what);
  }
  const elsewhere = lines
    .map((line) => /^(?:file:\/\/)?(\/.*\.[cm]?[jt]s:\d+)$/.exec(line)?.[1])
    .find((found) => found !== undefined);
  return diagnosticAt(place, { start: 0, end: 1 }, { ...what, ...(elsewhere && { hint: `It is in ${elsewhere}.` }) });
}

/** Of a syntax error, a caret below the line stands for the column; of TypeScript, more lines may lie between. */
function columnOfCaret(excerpt: readonly string[]): number {
  const caret = excerpt.find((line) => /^\s*\^+\s*$/.test(line));
  return (caret?.indexOf("^") ?? 0) + 1;
}

/** The word at a line and column. */
function rangeAt(text: string, line: number, column: number): { start: number; end: number } {
  const before = text.split("\n").slice(0, line - 1);
  const start = before.reduce((offset, each) => offset + each.length + 1, 0) + column - 1;
  return { start, end: start + (/^[\w$]+/.exec(text.slice(start))?.[0].length ?? 1) };
}
