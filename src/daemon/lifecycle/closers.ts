/** What is to be closed at the stop, in the reverse order of its opening, each within what is left of the grace period. */

export interface CloserReport {
  /** Names of what did not end in time. */
  readonly unfinished: readonly string[];
  readonly errors: readonly { readonly name: string; readonly error: unknown }[];
}

type Close = (grace: AbortSignal) => Promise<unknown> | unknown;

export class Closers {
  readonly #closers: { readonly name: string; readonly close: Close }[] = [];

  add(name: string, close: Close): void {
    this.#closers.push({ name, close });
  }

  /** @param grace Aborted when the grace period is over: what still goes on is then left to itself. */
  async closeAll(grace: AbortSignal): Promise<CloserReport> {
    const unfinished: string[] = [];
    const errors: { name: string; error: unknown }[] = [];
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      const { name, close } = closer;
      try {
        if (!(await within(grace, async () => close(grace)))) unfinished.push(name);
      } catch (error) {
        errors.push({ name, error });
      }
    }
    return { unfinished, errors };
  }
}

/** @returns whether `act` ended before the signal was aborted, plus a moment for what reacts to the abort itself. */
export async function within(grace: AbortSignal, act: () => Promise<unknown>): Promise<boolean> {
  const expired = new Promise<false>((resolve) => {
    const end = () => setTimeout(() => resolve(false), 100);
    if (grace.aborted) end();
    else grace.addEventListener("abort", end, { once: true });
  });
  return Promise.race([act().then(() => true), expired]);
}
