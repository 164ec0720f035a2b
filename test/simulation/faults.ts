import type { FdStore } from "../../src/supervisor/fd-store.ts";
import type { JournalFile } from "../../src/supervisor/journal.ts";
import type { SimKernel } from "./sim-kernel.ts";

/** Bugs that are put between the supervisor and the machine, to see that the simulation finds them. */
export interface Faults {
  kernel(kernel: SimKernel): SimKernel;
  store(store: FdStore): FdStore;
  journal(file: JournalFile): JournalFile;
}

export const noFaults: Faults = { kernel: (kernel) => kernel, store: (store) => store, journal: (file) => file };
