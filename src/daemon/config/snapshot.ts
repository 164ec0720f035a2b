/** Configurations as values: frozen, and compared key by key. */
import { isDeepStrictEqual } from "node:util";
import { Secret } from "./secret.ts";

/** A configuration that nobody can change. */
export type Snapshot<T> = T extends Secret<unknown> | ((...values: never[]) => unknown)
  ? T
  : T extends object
    ? { readonly [Key in keyof T]: Snapshot<T[Key]> }
    : T;

/** Freezes plain objects and arrays all the way down; instances of classes are left as they are. */
export function freeze<T>(value: T): Snapshot<T> {
  if (isPlain(value) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value as Snapshot<T>;
}

/** @returns the paths of the leaves that differ, `http.port` for example, in the order of the keys. */
export function changedKeys(before: unknown, after: unknown, path = ""): string[] {
  if (before instanceof Secret && after instanceof Secret) return changedKeys(before.reveal(), after.reveal(), path);
  if (isPlain(before) && isPlain(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => changedKeys(before[key], after[key], path ? `${path}.${key}` : key));
  }
  return isDeepStrictEqual(before, after) ? [] : [path];
}

/** Whether `key` is, or lies under, one of `prefixes`. */
export function isUnder(key: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => key === prefix || key.startsWith(`${prefix}.`));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}
