/** What the main process of a run has left behind. */
import { type Holding, remainsOf, stopOngoing } from "./holding.ts";
import type { Kernel } from "./kernel.ts";

/** How often to look whether it is gone. */
const lookMs = 3;

interface Clearing {
  /** Sent to all that is left; SIGKILL again and again, for there may be more in the meantime. */
  readonly signal: string;
  readonly kernel: Pick<Kernel, "hasLeftovers" | "signalLeftovers" | "later">;
  readonly cleared: () => void;
}

/** Signals whatever a run has left behind, and tells when nothing is left; takes the place of an earlier try. */
export function clearLeftovers(holding: Holding, { signal, kernel, cleared }: Clearing): void {
  stopOngoing(holding, "clear");
  const remains = remainsOf(holding);
  if (!kernel.hasLeftovers(remains)) {
    cleared();
    return;
  }
  kernel.signalLeftovers(remains, signal);
  const look = () => {
    if (!kernel.hasLeftovers(remains)) {
      holding.ongoing.delete("clear");
      cleared();
      return;
    }
    if (signal === "SIGKILL") kernel.signalLeftovers(remains, signal);
    holding.ongoing.set("clear", kernel.later(lookMs, look));
  };
  holding.ongoing.set("clear", kernel.later(1, look));
}
