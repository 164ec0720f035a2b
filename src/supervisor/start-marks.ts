/**
 * Marks that processes make themselves in the moment between their beginning and their becoming the program.
 *
 * A supervisor that dies between starting a program and writing that down leaves an intent of which nobody knows whether
 * it was carried out. While the program lives, its tag tells; of one that has ended, only this does.
 */
import { chmodSync, existsSync, mkdirSync, openSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";

export interface StartMarks {
  /** The open directory. */
  readonly fd: number;
  has(name: string): boolean;
  all(): readonly string[];
  remove(name: string): void;
}

/** @param closed a directory that is made so that nobody else gets into it by its path */
export function openMarks(closed: string): StartMarks {
  const directory = join(closed, "any-user");
  mkdirSync(closed, { recursive: true, mode: 0o700 });
  mkdirSync(directory, { recursive: true });
  // Programs of any user make files here: they have the directory as a descriptor for that one step.
  chmodSync(directory, 0o733);
  return {
    fd: openSync(directory, "r"),
    has: (name) => existsSync(join(directory, name)),
    all: () => readdirSync(directory),
    remove(name) {
      try {
        unlinkSync(join(directory, name));
      } catch {
        // There was no room for one, or a supervisor before us removed it.
      }
    },
  };
}
