import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type ImportSite, importsOf } from "./layers-imports.ts";

/** Which folders of `src` (and `web`) each may import: the table of the design, with the amendments in docs/adr. */
export const layers: ReadonlyMap<string, readonly string[]> = new Map([
  ["core", []],
  ["protocol", ["core"]],
  ["config", ["core"]],
  ["os", ["core", "protocol"]],
  ["logs", ["core", "protocol", "os"]],
  ["forward", ["core", "protocol", "os", "logs"]],
  ["daemon", ["core", "protocol", "os", "logs"]],
  ["supervisor", ["core", "config", "protocol", "os", "logs"]],
  ["api", ["protocol", "supervisor"]],
  ["client", ["protocol", "os"]],
  ["cli", ["client", "config", "protocol", "logs"]],
  ["testing", ["core", "protocol", "config", "os", "logs", "forward", "daemon", "supervisor", "api", "client"]],
  ["web", ["protocol", "client"]],
]);

/** Any folder may throw the one error of Lares. */
export const importableByAll = "src/core/errors.ts";

/** A file of the tree, its path relative to the root, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly layer: string;
  readonly isTest: boolean;
  readonly imports: readonly (ImportSite & { readonly target: string | null })[];
}

/**
 * Reads every source below `src` and `web`.
 *
 * @param root the repository
 * @returns the files, sorted by path; `target` of an import is a path from the root, or null for a package
 */
export function readTree(root: string): SourceFile[] {
  const files = ["src", "web"].flatMap((top) => sourcesBelow(root, top)).sort();
  return files.map((file) => ({
    path: file,
    layer: layerOf(file),
    isTest: file.endsWith(".test.ts"),
    imports: importsOf(readFileSync(path.join(root, file), "utf8")).map((found) => ({
      ...found,
      target: found.specifier.startsWith(".")
        ? path.posix.normalize(path.posix.join(path.posix.dirname(file), found.specifier))
        : null,
    })),
  }));
}

function sourcesBelow(root: string, top: string): string[] {
  try {
    return readdirSync(path.join(root, top), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.[cm]?tsx?$/.test(name) && !/(^|\/)(node_modules|dist)\//.test(name))
      .map((name) => `${top}/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** `src/core/x.ts` is of layer `core`, `web/x.ts` of `web`, `src/x.ts` of none (""). */
function layerOf(file: string): string {
  const [top, folder, ...rest] = file.split("/");
  if (top === "web") return "web";
  return top === "src" && folder !== undefined && rest.length > 0 ? folder : "";
}

/**
 * Applies every rule to a tree.
 *
 * @param files what `readTree` gave
 * @returns one line of text for each violation, `file:line: …`
 */
export function violationsIn(files: readonly SourceFile[]): string[] {
  return [...files.flatMap(unknownFolder), ...files.flatMap(wrongImports), ...cyclesAmong(files)];
}

function unknownFolder(file: SourceFile): string[] {
  if (layers.has(file.layer)) return [];
  const where = file.layer === "" ? "src" : `src/${file.layer}`;
  return [`${file.path}:1: ${where} is not a folder of the layout (known: ${[...layers.keys()].join(", ")})`];
}

function wrongImports(file: SourceFile): string[] {
  const allowed = layers.get(file.layer);
  if (allowed === undefined) return [];
  return file.imports.flatMap((found) => {
    const { target } = found;
    const wrong = target === null ? wrongPackage(file, found) : wrongTarget(file, { target, allowed });
    if (wrong === null) return [];
    const list = allowed.length === 0 ? "nothing" : allowed.map(shown).join(", ");
    return [`${file.path}:${found.line}: ${shown(file.layer)} may not import ${wrong} (allowed: ${list})`];
  });
}

/** Tests use node:test and packages; code of the two pure folders does not. */
function wrongPackage(file: SourceFile, found: ImportSite): string | null {
  if (/^lares(\/|$)/.test(found.specifier)) return `"${found.specifier}" by the name of the package`;
  if (file.isTest) return null;
  if (file.layer === "core") return `"${found.specifier}"`;
  const builtIn = found.specifier.startsWith("node:");
  return file.layer === "protocol" && builtIn && !found.typeOnly ? `"${found.specifier}"` : null;
}

function wrongTarget(file: SourceFile, to: { target: string; allowed: readonly string[] }): string | null {
  if (to.target === importableByAll || to.target.endsWith(".json")) return null;
  const layer = layerOf(to.target);
  if (layer === file.layer || to.allowed.includes(layer)) return null;
  if (file.isTest && (layer === "testing" || layer === "")) return null;
  return layer === "" ? to.target : shown(layer);
}

function shown(layer: string): string {
  return layer === "web" ? "web" : `src/${layer}`;
}

/** Depth-first search; each back edge is one cycle, said with the whole way round. */
function cyclesAmong(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const finished = new Set<string>();
  const way: string[] = [];
  const found: string[] = [];
  const visit = (file: SourceFile): void => {
    way.push(file.path);
    for (const { target, line } of file.imports) {
      const next = target === null ? undefined : byPath.get(target);
      if (next === undefined || finished.has(next.path)) continue;
      const from = way.indexOf(next.path);
      if (from === -1) visit(next);
      else found.push(`${file.path}:${line}: imports in a circle: ${[...way.slice(from), next.path].join(" → ")}`);
    }
    way.pop();
    finished.add(file.path);
  };
  for (const file of files) if (!finished.has(file.path)) visit(file);
  return found;
}
