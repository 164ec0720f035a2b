import { basename, extname } from "node:path";
import type { Path, Problem } from "./diagnostic.ts";
import type { ServiceInput } from "./schema.ts";
import { splitWords } from "./split-words.ts";

/** What runs a file of this kind when it is named as a program. */
const interpreters: Readonly<Record<string, string>> = {
  ".js": "node",
  ".mjs": "node",
  ".cjs": "node",
  ".ts": "node",
  ".py": "python3",
  ".sh": "sh",
  ".php": "php",
  ".rb": "ruby",
  ".pl": "perl",
};

/** The words of a service's command, with interpreter or shell where one is wanted. */
export function normaliseCommand(
  input: Pick<ServiceInput, "command" | "shell" | "interpreter">,
  { path, problems }: { readonly path: Path; readonly problems: Problem[] },
): readonly string[] {
  const { command, shell = false, interpreter } = input;
  if (shell) {
    if (interpreter !== undefined)
      problems.push({
        path: [...path, "interpreter"],
        at: "key",
        message: "`interpreter` and `shell` exclude each other",
      });
    if (typeof command === "string") return ["/bin/sh", "-c", command];
    problems.push({ path: [...path, "shell"], message: "a shell runs a string, and `command` is a list" });
    return command;
  }
  const hint = "Add `shell: true` to run it by /bin/sh.";
  const words = wordsOf(command, { path: [...path, "command"], problems, hint });
  if (interpreter !== undefined) return interpreter === "none" ? words : [interpreter, ...words];
  return typeof command === "string" ? interpreted(words) : words;
}

/** The words of a command that is not the service's own: of a check or a hook. */
export function commandWords(
  command: string | readonly string[],
  { path, problems }: { readonly path: Path; readonly problems: Problem[] },
): readonly string[] {
  const hint = 'For a shell, write the list ["/bin/sh", "-c", "…"].';
  return interpreted(wordsOf(command, { path, problems, hint }));
}

/** A script named as a program is run by what its extension says. */
export function interpreted(words: readonly string[]): readonly string[] {
  const interpreter = interpreters[extname(words[0] ?? "")];
  return interpreter === undefined ? words : [interpreter, ...words];
}

/** Whether Node runs this command, so that a preload can be added. */
export function isNodeProgram(words: readonly string[]): boolean {
  const program = basename(words[0] ?? "");
  return program === "node" || interpreters[extname(program)] === "node";
}

function wordsOf(
  command: string | readonly string[],
  { path, problems, hint }: { readonly path: Path; readonly problems: Problem[]; readonly hint: string },
): readonly string[] {
  const words = typeof command === "string" ? split(command, { path, problems, hint }) : command;
  if (words?.[0] === "" || words?.length === 0) problems.push({ path, message: "the command names no program" });
  return words ?? [];
}

/** Undefined when the text cannot be split; the reason is among the problems then. */
function split(
  command: string,
  { path, problems, hint }: { readonly path: Path; readonly problems: Problem[]; readonly hint: string },
): readonly string[] | undefined {
  const result = splitWords(command);
  if (result.ok) return result.words;
  const part = command.slice(result.offset, result.offset + result.length);
  problems.push({ path, part, message: result.message, ...(result.needsShell && { hint }) });
  return undefined;
}
