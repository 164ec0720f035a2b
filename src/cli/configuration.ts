import { resolve } from "node:path";
import * as config from "../config/find.ts";
import { LaresError } from "../core/errors.ts";
import type { Homes } from "../protocol/homes.ts";

/** What decides the configuration file of a command. */
export interface ConfigurationQuery {
  /** `--file`; wins over everything. */
  readonly named?: string | undefined;
  /** The working directory. */
  readonly directory: string;
}

/**
 * Finds the configuration file that a command means: the named one, else the home's own, else one in the working directory.
 *
 * @returns An absolute path, or undefined when none was named and none is there.
 */
export async function findConfiguration(homes: Homes, query: ConfigurationQuery): Promise<string | undefined> {
  if (query.named !== undefined) return resolve(query.directory, query.named);
  return (await config.findConfiguration(homes.configDirectory)) ?? (await config.findConfiguration(query.directory));
}

/**
 * As {@link findConfiguration}, for commands that can do nothing without a file.
 *
 * @throws LaresError `invalid_configuration` when there is none.
 */
export async function requireConfiguration(homes: Homes, query: ConfigurationQuery): Promise<string> {
  const path = await findConfiguration(homes, query);
  if (path !== undefined) return path;
  throw new LaresError(
    "invalid_configuration",
    "Cannot find a configuration: no file is named, and no lares.yaml is here",
    {
      hint: `Name one with \`-f FILE\`, or write "${homes.configDirectory}/lares.yaml".`,
    },
  );
}
