/** What a keeper calls itself: the word of its command line that its arguments follow. */
export const keeperName = "lares-keeper";

/**
 * The file in the run directory that a keeper looks into, which tells its home.
 *
 * @param commandLine the words of any process
 * @returns undefined for one that is no keeper
 */
export function markOfKeeper(commandLine: readonly string[]): string | undefined {
  const at = commandLine.indexOf(keeperName);
  // Behind it are the runtime, the program, its fallback and the mark, as the keeper's script takes them.
  return at < 0 ? undefined : commandLine[at + 4];
}

/** Whether a command line is that of a supervisor, as its keeper starts it. */
export function isSupervisor(commandLine: readonly string[]): boolean {
  return commandLine.includes("--keeper") && commandLine.includes("--store");
}
