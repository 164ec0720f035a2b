import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, extname, resolve } from "node:path";
import type { ServiceSpec } from "../core/spec.ts";
import { type Diagnostic, diagnose, type Problem, type SourceDocument } from "./diagnostic.ts";
import { normaliseService } from "./normalise.ts";
import { interpreted } from "./normalise-command.ts";
import { splitWords } from "./split-words.ts";

/** The service that a command line stands for, or what is wrong with it. */
export type AdhocResult =
  | { readonly ok: true; readonly specs: readonly [ServiceSpec] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** What was given to `lares start`. */
export interface AdhocRequest {
  /** A program file, or a command line. */
  readonly target: string;
  /** Added to the command as they are. */
  readonly args: readonly string[];
  readonly name?: string;
  readonly instances?: number | "max";
  /** Where the caller is; absolute. */
  readonly directory: string;
  /** The caller's; only its PATH is used. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * What `lares start ./app.js -i 2 --name web -- ARGS` or `lares start "python3 -m http.server 8000"` means.
 *
 * A target that names a file is that file, spaces and all; anything else is a command line. Without a name, the service is
 * called after the file, or after the program.
 */
export async function adhocSpec(request: AdhocRequest): Promise<AdhocResult> {
  const { target, args, directory, env, instances } = request;
  const document = documentOf(request);
  const problems: Problem[] = [];
  const isWhole = await isFile(resolve(directory, target));
  const [program = "", ...rest] = isWhole ? [target] : wordsOf(target, problems);
  const words = [(await isFile(resolve(directory, program))) ? pathOf(program) : program, ...rest];
  const input = {
    command: [...interpreted(words), ...args],
    env: env.PATH === undefined ? {} : { PATH: env.PATH },
    ...(instances !== undefined && { instances }),
  };
  const context = { document, path: ["service"], directory, cores: availableParallelism(), fileEnv: {}, problems };
  const spec = problems.length > 0 ? undefined : normaliseService(request.name ?? nameOf(program), input, context);
  if (spec === undefined || problems.length > 0) {
    return { ok: false, diagnostics: problems.map((problem) => diagnose(document, problem)) };
  }
  return { ok: true, specs: [spec] };
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** A bare file name would be sought on PATH. */
function pathOf(target: string): string {
  return target.includes("/") ? target : `./${target}`;
}

function wordsOf(target: string, problems: Problem[]): readonly string[] {
  const path = ["service", "command"];
  const split = splitWords(target);
  if (split.ok) {
    if (!split.words[0]) problems.push({ path, message: "the command names no program" });
    return split.words;
  }
  const part = target.slice(split.offset, split.offset + split.length);
  const quoted = `'${target.replaceAll("'", "'\\''")}'`;
  const hint = `Run a shell: lares start /bin/sh --name NAME -- -c ${quoted}.`;
  problems.push({ path, part, message: split.message, ...(split.needsShell && { hint }) });
  return [];
}

/** `./src/my app.js` is called `my-app`. */
function nameOf(program: string): string {
  const base = basename(program, extname(program));
  return base
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64);
}

/** What was typed, as far as something may be wrong with it: the target, and the name behind it. */
function documentOf({ target, name }: AdhocRequest): SourceDocument {
  const option = " --name ";
  const text = name === undefined ? target : target + option + name;
  const command = { start: 0, end: target.length };
  const named = name === undefined ? command : { start: target.length + option.length, end: text.length };
  const locate: SourceDocument["locate"] = (path) =>
    path.length === 1 ? { key: named, value: command } : { value: command };
  return { file: "command line", text, value: {}, locate };
}
