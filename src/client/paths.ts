import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";

/** The path itself if it is there, else the nearest directory above it that is. */
export function nearestExisting(path: string): string {
  if (path === dirname(path) || statSync(path, { throwIfNoEntry: false }) !== undefined) return path;
  return nearestExisting(dirname(path));
}

/** Whether this process may create files in a directory. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
