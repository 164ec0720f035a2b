import { isZombie } from "../os/processes.ts";

/**
 * Whether a process runs, whoever owns it. One that has ended but was not reaped yet, as under a container's lazy init,
 * does not.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return !isZombie(pid);
}
