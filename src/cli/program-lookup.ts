import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { splitWords } from "../config/split-words.ts";

/**
 * Whether a target of `start` can be a program: a file, or a command line whose program is a file or executable on PATH.
 *
 * Without this, a mistyped name of a service would become a service that cannot start.
 */
export async function isProgram(
  target: string,
  { directory, path }: { readonly directory: string; readonly path: string | undefined },
): Promise<boolean> {
  if (await isFile(resolve(directory, target))) return true;
  const split = splitWords(target);
  // What is wrong with the quotes is told better by the configuration's own diagnostics.
  if (!split.ok) return true;
  const [program = ""] = split.words;
  if (await isFile(resolve(directory, program))) return true;
  if (program === "" || program.includes("/")) return false;
  for (const entry of (path ?? "/usr/local/bin:/usr/bin:/bin").split(":")) {
    if (entry !== "" && (await isExecutable(join(entry, program)))) return true;
  }
  return false;
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
