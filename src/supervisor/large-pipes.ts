import { readdirSync } from "node:fs";
import { pipeCapacity } from "../os/pipes.ts";

/** As much as an unprivileged user may ask for; a flood is then read in few and large pieces. */
export const largePipeBytes = 1024 * 1024;
/** Without root all pipes of a user share 64 MiB (pipe-user-pages-soft); beyond it new ones get 8 KiB. */
const largePipesMax = 32;
/** Counting looks at every descriptor: some 2 µs for each. */
const countAgainMs = 1_000;

export interface LargePipesOptions {
  /** Nothing bounds root's. */
  readonly unbounded: boolean;
  readonly nowMs: () => number;
  /** How many this process has open; injected by tests. */
  readonly count?: () => number;
}

/**
 * Whether one more pipe may be a large one.
 *
 * Pipes are closed in many places, and some were made by the supervisor before this one. So those that are open are
 * counted, at the first question and then whenever there seem to be too many.
 */
export class LargePipes {
  readonly #options: LargePipesOptions;
  readonly #count: () => number;
  #open = Infinity;
  #countedMs = -Infinity;

  constructor(options: LargePipesOptions) {
    this.#options = options;
    this.#count = options.count ?? countLargePipes;
  }

  /** Takes the place of one. @returns how large the next pipe is to be; undefined for what the kernel makes it */
  next(): number | undefined {
    const { unbounded, nowMs } = this.#options;
    if (unbounded) return largePipeBytes;
    if (this.#open >= largePipesMax && nowMs() - this.#countedMs >= countAgainMs) {
      this.#open = this.#count();
      this.#countedMs = nowMs();
    }
    if (this.#open >= largePipesMax) return undefined;
    this.#open += 1;
    return largePipeBytes;
  }
}

/** How many large pipes this process has open, or rather ends of them. */
export function countLargePipes(): number {
  return readdirSync("/proc/self/fd").filter((fd) => isLarge(Number(fd))).length;
}

function isLarge(fd: number): boolean {
  try {
    return pipeCapacity(fd) >= largePipeBytes;
  } catch {
    // No pipe.
    return false;
  }
}
