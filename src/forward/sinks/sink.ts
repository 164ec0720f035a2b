import type { Entry } from "../backlog.ts";

/** The other side of a delivery. Used by one at a time; it may be closed and opened anew between two deliveries. */
export interface Sink {
  /**
   * Resolves once the other side has taken them over, with what it said it would not have.
   *
   * @param signal ends the attempt
   * @throws Refused when trying the same again is of no use; anything else when it may be
   */
  deliver(entries: readonly Entry[], signal: AbortSignal): Promise<PartialRefusal | undefined>;
  close(): void;
}

/** Some lines were refused with the rest being taken, and nothing tells which. */
export interface PartialRefusal {
  readonly lines: number;
  readonly reason: string;
}

/** The other side will not have something of this batch, however often it comes. */
export class Refused extends Error {}
