import { access } from "node:fs/promises";
import { join } from "node:path";

/** What a configuration file may be called; the first that exists is taken. */
export const configurationNames: readonly string[] = ["yaml", "yml", "json", "toml", "ts", "js", "mjs"].map(
  (extension) => `lares.${extension}`,
);

/**
 * Finds the configuration file of a directory, such as a home or the working directory.
 *
 * @returns its path, or undefined when there is none
 */
export async function findConfiguration(directory: string): Promise<string | undefined> {
  for (const name of configurationNames) {
    const path = join(directory, name);
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (exists) return path;
  }
  return undefined;
}
