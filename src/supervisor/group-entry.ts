import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { groupPids } from "../os/cgroups.ts";
import { childrenOf, startTimeOf } from "../os/processes.ts";

/** A program that forks faster than its children can be moved is left to its tags. */
const roundsMax = 5;

/**
 * Moves new processes into their cgroups beside everything else.
 *
 * On a quiet machine the kernel takes some 10 ms for a move (it waits for every processor to pass a quiet point), longer
 * than all the rest of a restart; so a program without limits does not wait for it. What it forks in the meantime is
 * moved behind it, and what ends before that is found by its tag.
 */
export class GroupEntry {
  readonly #entering = new Set<string>();

  /** Whether a process of this group may still be outside of it. */
  isUnderWay(group: string): boolean {
    return this.#entering.has(group);
  }

  begin(group: string, process: { readonly pid: number; readonly startTime: string }): void {
    this.#entering.add(group);
    // Gone already, or the group is: what is left is found by its tag.
    this.#enter(group, process).then(
      () => this.#entering.delete(group),
      () => this.#entering.delete(group),
    );
  }

  async #enter(group: string, { pid, startTime }: { pid: number; startTime: string }): Promise<void> {
    let outside: readonly number[] = [pid];
    for (let round = 0; round < roundsMax && outside.length > 0; round += 1) {
      // No pid is given out again so soon after it was free.
      if (startTimeOf(pid) !== startTime) return;
      for (const one of outside) await writeFile(join(group, "cgroup.procs"), String(one));
      const inside = new Set(groupPids(group));
      outside = descendantsOf(pid).filter((one) => !inside.has(one));
    }
  }
}

/** A process and everything below it. */
export function descendantsOf(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(descendantsOf)];
}
