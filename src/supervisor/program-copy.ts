import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { HomeFiles } from "./home.ts";

/** Where npm may have put koffi's own files: the script half, and the binary for this processor. */
const packages = ["koffi", `@koromix/koffi-linux-${process.arch}`] as const;

/**
 * Keeps a copy of the program that has just recovered, for the keeper to put back should the next version fail to.
 *
 * Made once for each build, in the background; a copy that cannot be made is said and nothing else.
 */
export function saveProgram({ programs }: HomeFiles, main: string, problem: (sentence: string) => void): void {
  if (!main.endsWith(".js")) return;
  const build = createHash("sha256").update(readFileSync(main)).digest("hex").slice(0, 16);
  if (main.startsWith(programs) || existsSync(join(programs, build))) return;
  copyProgram({ programs, main, build }).catch((error: Error) => {
    problem(`no copy of this version could be kept to fall back to: ${error.message}`);
  });
}

async function copyProgram({
  programs,
  main,
  build,
}: {
  programs: string;
  main: string;
  build: string;
}): Promise<void> {
  const fresh = join(programs, `${build}.new`);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(join(fresh, "dist"), { recursive: true, mode: 0o700 });
  const from = dirname(main);
  // What the supervisor and its services need; not the command.
  const files = (await readdir(from)).filter((name) => name.endsWith(".js"));
  for (const name of files) await cp(join(from, name), join(fresh, "dist", name));
  await cp(join(from, "..", "package.json"), join(fresh, "package.json"));
  const koffi = packageDirectory(createRequire(main).resolve("koffi"));
  for (const name of packages) {
    const directory = name === "koffi" ? koffi : join(koffi, "..", name);
    if (existsSync(directory)) await cp(directory, join(fresh, "node_modules", name), { recursive: true });
  }
  await rename(fresh, join(programs, build));
  await point(programs, build);
}

/** The directory of a package that does not export its package.json. */
function packageDirectory(entry: string): string {
  let directory = dirname(entry);
  while (!existsSync(join(directory, "package.json"))) directory = dirname(directory);
  return directory;
}

/** `current` is the copy in force; the ones before it are not needed any more. */
async function point(programs: string, build: string): Promise<void> {
  const link = join(programs, "current.new");
  await rm(link, { force: true });
  await symlink(build, link);
  await rename(link, join(programs, "current"));
  const old = (await readdir(programs)).filter((name) => name !== build && name !== "current");
  for (const name of old) await rm(join(programs, name), { recursive: true, force: true });
}
