import { setTimeout as sleep } from "node:timers/promises";

/** Time, as far as waiting needs it; tests bring their own. */
export interface Clock {
  nowMs(): number;
  /** Resolves after this time, or as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
};
