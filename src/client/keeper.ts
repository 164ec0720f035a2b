import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { markOfKeeper } from "../protocol/keeper-name.ts";

/**
 * The pid of the keeper of a home. While there is one, a supervisor that is gone comes back.
 *
 * @param run the run directory of the home
 */
export function findKeeper(run: string): number | undefined {
  // A supervisor whose keeper dies becomes the keeper of the next one, which is the first to write that down.
  for (const file of ["keeper.pid", "lares.pid"]) {
    const pid = Number(read(`${run}/${file}`));
    if (pid > 0 && keeps(pid, run)) return pid;
  }
  return undefined;
}

/** A pid may have passed on to another process: a keeper is known by its command line. One that has ended has none. */
function keeps(pid: number, run: string): boolean {
  const mark = markOfKeeper(read(`/proc/${pid}/cmdline`).split("\0"));
  return mark !== undefined && isSame(dirname(mark), run);
}

/** The keeper may know its home by another path than the client. */
function isSame(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one), statSync(other)];
    return a.ino === b.ino && a.dev === b.dev;
  } catch {
    // Gone, or out of sight: it belongs to somebody else.
    return false;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
