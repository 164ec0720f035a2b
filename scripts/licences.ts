import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The licence texts of every package of which a module was bundled.
 *
 * @param modules absolute paths of modules; those of this project are passed over
 * @returns one section for each package, by name
 */
export function licencesOf(modules: readonly string[]): string {
  const directories = new Set(modules.filter((path) => path.includes("/node_modules/")).map(packageOf));
  return [...directories].map(section).sort().join("\n");
}

/** The nearest directory above a module whose package.json names a package: some nest others only to say `type`. */
function packageOf(path: string): string {
  let directory = dirname(path);
  while (!isPackage(directory)) directory = dirname(directory);
  return directory;
}

function isPackage(directory: string): boolean {
  const path = join(directory, "package.json");
  return existsSync(path) && "name" in JSON.parse(readFileSync(path, "utf8"));
}

function section(directory: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  if (file === undefined) throw new Error(`Cannot build: bundled package "${name}" has no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(directory, file), "utf8").trim()}\n`;
}
