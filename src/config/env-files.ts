import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import type { Path, Problem } from "./diagnostic.ts";

/** The variables of a service's `env_file`s, in Node's own dotenv syntax; of two files, the later wins. */
export async function readEnvFiles(
  files: string | readonly string[] | undefined,
  { path, directory, problems }: { readonly path: Path; readonly directory: string; readonly problems: Problem[] },
): Promise<Readonly<Record<string, string>>> {
  const variables: Record<string, string> = {};
  for (const file of typeof files === "string" ? [files] : (files ?? [])) {
    try {
      Object.assign(variables, parseEnv(await readFile(resolve(directory, file), "utf8")));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = code === "ENOENT" ? "there is no such file" : message;
      problems.push({ path: [...path, "env_file"], part: file, message: `cannot read \`${file}\`: ${reason}` });
    }
  }
  return variables;
}
