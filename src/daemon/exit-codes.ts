/**
 * The exit statuses of a daemon, for supervisors and scripts.
 *
 * 70 and 78 are those of sysexits(3), 124 that of timeout(1); a second signal ends with 128 + its number, as a shell
 * would say.
 *
 * @example
 * ```ts
 * import { exitCodes } from "lares";
 *
 * console.log(exitCodes.crashed); // 70
 * ```
 */
export const exitCodes = {
  done: 0,
  /** It did not start, or a verb did not succeed. */
  failed: 1,
  /** Wrong usage of the command line. */
  usage: 2,
  /** `status`: no instance runs (the LSB init script convention). */
  notRunning: 3,
  /** An uncaught exception, an unhandled rejection or a supervised part that gave up. */
  crashed: 70,
  /** A hard limit of the resource guard was passed: start me again. */
  overLimit: 75,
  /** The configuration is not valid. */
  configuration: 78,
  /** The stop took longer than the grace period. */
  graceExpired: 124,
} as const;
