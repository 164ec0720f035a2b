import { renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * Writes a PID file that is whole at every moment: who reads it meanwhile, or after a death in here, finds the old one or the
 * new one. Where there is no room for it there is none, rather than one that names somebody else.
 *
 * @throws what the file system throws
 */
export function writePidFile(path: string, pid: number): void {
  const fresh = `${path}.new`;
  try {
    writeFileSync(fresh, `${pid}\n`);
    renameSync(fresh, path);
  } catch (error) {
    for (const file of [fresh, path]) rmSync(file, { force: true });
    throw error;
  }
}
