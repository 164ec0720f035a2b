import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { isSupervisor, markOfKeeper } from "../protocol/keeper-name.ts";

/**
 * The pid of the keeper of a home, or of a supervisor that is about to become it. While there is one, a supervisor that does
 * not answer is followed by another.
 *
 * @param run the run directory of the home
 */
export function findKeeper(run: string): number | undefined {
  // A supervisor whose keeper dies becomes the keeper of the next one, which is the first to write that down.
  for (const file of ["keeper.pid", "lares.pid"]) {
    const pid = Number(read(`${run}/${file}`));
    if (pid > 0 && isOfHome(pid, run)) return pid;
  }
  return undefined;
}

/** A pid may have passed on to another process: these are known by their command lines. One that has ended has none. */
function isOfHome(pid: number, run: string): boolean {
  const words = read(`/proc/${pid}/cmdline`).split("\0");
  const mark = markOfKeeper(words);
  return mark === undefined ? isSupervisor(words) : isSame(dirname(mark), run);
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
