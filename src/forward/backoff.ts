/** The first wait after a failure, and the longest. */
const FIRST_MS = 200;
const MAX_MS = 30_000;
/** Waits vary by this share either way, so that sinks that failed together do not come back together. */
const JITTER = 0.2;

/** How long to wait after the so-manieth failure in a row, in milliseconds. */
export function waitAfter(failures: number, random: () => number = Math.random): number {
  const wait = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return wait * (1 + JITTER * (2 * random() - 1));
}
