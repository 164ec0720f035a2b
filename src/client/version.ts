import { readFile } from "node:fs/promises";

/** The version of this package, as package.json has it. */
export async function packageVersion(): Promise<string> {
  // One directory below the package in a bundle, two in the sources.
  const up = import.meta.url.endsWith(".ts") ? "../../package.json" : "../package.json";
  const { version } = JSON.parse(await readFile(new URL(up, import.meta.url), "utf8")) as { version: string };
  return version;
}
