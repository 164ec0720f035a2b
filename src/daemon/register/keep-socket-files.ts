/**
 * Keeps a program from removing the file of a unix socket that it inherits.
 *
 * Before they listen on a path, programs remove what an earlier run may have left there. Here that is the supervisor's
 * living socket: without its file no client finds it any more.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

type Remove = (path: fs.PathLike, ...rest: unknown[]) => unknown;

export function keepSocketFiles(paths: readonly string[]): void {
  if (paths.length === 0) return;
  const kept = new Set(paths.map((path) => resolve(path)));
  const isKept = (path: fs.PathLike) => kept.has(resolve(path instanceof URL ? fileURLToPath(path) : String(path)));

  replace(
    fs,
    ["unlinkSync", "rmSync"],
    (remove) =>
      (path, ...rest) =>
        isKept(path) ? undefined : remove(path, ...rest),
  );
  replace(
    fs.promises,
    ["unlink", "rm"],
    (remove) =>
      async (path, ...rest) =>
        isKept(path) ? undefined : remove(path, ...rest),
  );
  replace(fs, ["unlink", "rm"], (remove) => (path, ...rest) => {
    if (!isKept(path)) return remove(path, ...rest);
    process.nextTick(rest.at(-1) as (error: null) => void, null);
  });
  syncBuiltinESMExports();
}

function replace<Name extends string>(
  owner: Record<Name, unknown>,
  names: readonly Name[],
  wrap: (remove: Remove) => Remove,
): void {
  for (const name of names) owner[name] = wrap(owner[name] as Remove);
}
