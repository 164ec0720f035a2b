import { statSync } from "node:fs";
import { resolve } from "node:path";
import { LaresError } from "../core/errors.ts";
import { configFileNames, type Homes } from "../protocol/homes.ts";

/**
 * Finds the configuration file that a command means.
 *
 * @param options `named` is `--file`; without it the home's own file, then one in `directory`.
 * @returns An absolute path, or undefined when none was named and none is there.
 * @throws LaresError `invalid_configuration` when the named file is not there.
 */
export function findConfiguration(
  homes: Homes,
  options: { readonly named?: string | undefined; readonly directory: string },
): string | undefined {
  if (options.named !== undefined) return namedFile(resolve(options.directory, options.named));
  const candidates = [...homes.configFiles, ...configFileNames.map((name) => resolve(options.directory, name))];
  return candidates.find(isFile);
}

/** As {@link findConfiguration}, for commands that can do nothing without a file. */
export function requireConfiguration(
  homes: Homes,
  options: { readonly named?: string | undefined; readonly directory: string },
): string {
  const path = findConfiguration(homes, options);
  if (path !== undefined) return path;
  throw new LaresError(
    "invalid_configuration",
    "Cannot find a configuration: no file is named, and no lares.yaml is here",
    {
      hint: `Name one with \`-f FILE\`, or write "${homes.configFiles[0]}".`,
    },
  );
}

function namedFile(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) return path;
  const state = found === undefined ? "there is no such file" : "it is a directory";
  throw new LaresError("invalid_configuration", `Cannot read configuration "${path}": ${state}`, {
    hint: "Name an existing file with `-f FILE`.",
  });
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
