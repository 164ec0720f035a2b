/**
 * Which of several sockets a path leads to.
 *
 * A Unix socket is found by its file, and a file can be renamed: the socket behind `PATH` is exchanged in one step for
 * another that was bound beside it. Every lane that `PATH` does not lead to has a file of its own, so that one can come back.
 */
import { existsSync, linkSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import { laneFile } from "../protocol/lane-file.ts";

/** Where a client gets to this very lane. */
export function wayToLane(path: string, lane: number): string {
  const own = laneFile(path, lane);
  return existsSync(own) ? own : path;
}

/**
 * Lets the path lead to a lane from now on. What waits in the socket it led to stays there. Harmless the second time.
 *
 * @param lanes all that are open
 */
export function leadTo(path: string, { lane, lanes }: { lane: number; lanes: readonly number[] }): void {
  const own = laneFile(path, lane);
  if (!existsSync(own)) return;
  if (sameFile(own, path)) {
    unlinkSync(own);
    return;
  }
  const before = lanes.find((one) => one !== lane && !existsSync(laneFile(path, one)));
  if (before !== undefined && existsSync(path)) linkSync(path, laneFile(path, before));
  renameSync(own, path);
}

/** Removes the file of a lane that is closed; the path too if it led there. */
export function removeLaneFile(path: string, lane: number): void {
  const own = laneFile(path, lane);
  try {
    unlinkSync(existsSync(own) ? own : path);
  } catch {
    // Gone already.
  }
}

function sameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => lstatSync(path, { throwIfNoEntry: false }));
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;
}
