import { openPidfd } from "../os/pidfd.ts";
import { watch } from "../os/poll.ts";

/**
 * Calls back when the keeper is gone; at once where it is gone already.
 *
 * @param keeperPid as the keeper itself said; without one (started by hand) nothing is watched
 */
export function watchKeeper(keeperPid: number, onLost: () => void): void {
  if (!Number.isInteger(keeperPid) || keeperPid < 1) return;
  const pidfd = process.ppid === keeperPid ? openPidfd(keeperPid) : undefined;
  // It may have died, and its pid been taken, between the two looks.
  if (pidfd === undefined || process.ppid !== keeperPid) setImmediate(onLost);
  else watch(pidfd, { readable: true }, onLost);
}
