import { setTimeout as sleep } from "node:timers/promises";

/** Nothing that a test waits for takes longer, however busy the machine is. */
export const waitMs = 100_000;

/** Asks again until the answer is neither false nor undefined. For what sends no event; everything else is waited for by events. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  what: string | (() => string),
): Promise<Exclude<Awaited<T>, false | undefined | null>> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== undefined && answer !== null) {
      return answer as Exclude<Awaited<T>, false | undefined | null>;
    }
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${typeof what === "string" ? what : what()}`);
    await sleep(10);
  }
}
