import type { Location, Path } from "./diagnostic.ts";

/**
 * Guesses where an entry of a module's default export was written: each key of the path is sought after the one before.
 *
 * A module may compute what it exports, so this can miss, or find a namesake; it only serves to point a reader somewhere.
 */
export function locateInModule(text: string, path: Path): Location | undefined {
  let from = 0;
  let location: Location | undefined;
  for (const segment of path) {
    if (typeof segment === "number") continue;
    const escaped = segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const pattern = new RegExp(
      `(?<![\\w$.-])(?:${escaped}|"${escaped}"|'${escaped}')\\s*:\\s*(?<value>[^\\s,][^,\\n]*)?`,
      "g",
    );
    pattern.lastIndex = from;
    const found = pattern.exec(text);
    if (found === null) return undefined;
    const keyEnd = found.index + found[0].indexOf(":");
    const key = { start: found.index, end: found.index + text.slice(found.index, keyEnd).trimEnd().length };
    const value = found.groups?.value?.replace(/[\s})\];]+$/, "") ?? "";
    const valueStart = found.index + found[0].length - (found.groups?.value?.length ?? 0);
    location = { key, value: value === "" ? key : { start: valueStart, end: valueStart + value.length } };
    from = key.end;
  }
  return location;
}
