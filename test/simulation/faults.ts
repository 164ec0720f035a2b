import { FdStore, type StoreSocket } from "../../src/supervisor/fd-store.ts";
import type { JournalFile } from "../../src/supervisor/journal.ts";
import type { NotifyDatagram } from "../../src/supervisor/kernel.ts";
import { SimKernel } from "./sim-kernel.ts";

/** What stands between the supervisor and the machine; a planted bug puts something else there. */
export interface Faults {
  readonly Kernel: typeof SimKernel;
  readonly Store: typeof FdStore;
  readonly journal: (file: JournalFile) => JournalFile;
}

export const noFaults: Faults = { Kernel: SimKernel, Store: FdStore, journal: (file) => file };

/** The intent is not written down: a program is started that no journal knows. */
function dropsIntents(file: JournalFile): JournalFile {
  return {
    ...file,
    append(text) {
      if (!text.includes('"phase":"spawning"')) file.append(text);
    },
  };
}

/** What was got back is not parked again. */
class ForgetfulStore extends FdStore {
  readonly #queue: StoreSocket;
  #hasRecovered = true;

  constructor(...[socket, limits]: ConstructorParameters<typeof FdStore>) {
    super(socket, limits);
    this.#queue = socket;
  }

  override recover() {
    const parked = super.recover();
    this.#hasRecovered = false;
    for (let message = this.#take(); message; message = this.#take())
      for (const fd of message.fds) this.#queue.close(fd);
    return parked;
  }

  override rewrite() {
    if (this.#hasRecovered) return super.rewrite();
    this.#hasRecovered = true;
    return true;
  }

  #take() {
    return this.#queue.receive({ peek: false });
  }
}

/** kill(2) in place of pidfd_send_signal(2): whoever has the number by now gets it. */
class SignalsByPid extends SimKernel {
  override signal(pidfd: number, signal: string): boolean {
    this.enter();
    const description = this.fds.describe(pidfd);
    const process = description.kind === "pidfd" ? this.processAt(description.process.pid) : undefined;
    return process !== undefined && this.deliver(process, signal);
  }
}

/** A message is taken out before what it says has been written down. */
class HearsTooEarly extends SimKernel {
  override receiveNotify(fd: number, { peek }: { readonly peek: boolean }): NotifyDatagram | undefined {
    if (!peek) return undefined;
    return super.receiveNotify(fd, { peek: false });
  }
}

/** The bytes leave the pipe before they are in the file. */
class TakesTooEarly extends SimKernel {
  override move(fd: number, keep: (lines: readonly string[]) => void) {
    let taken: readonly string[] = [];
    const state = super.move(fd, (lines) => {
      taken = lines;
    });
    this.enter();
    keep(taken);
    return state;
  }
}

/** Bugs that others have had, or that Lares had: each must be found. */
export const plantedBugs = {
  "the intent record is dropped": { ...noFaults, journal: dropsIntents },
  "what was recovered is not parked again": { ...noFaults, Store: ForgetfulStore },
  "signals go to a pid instead of a pidfd": { ...noFaults, Kernel: SignalsByPid },
  "a notification is taken out before it is journalled": { ...noFaults, Kernel: HearsTooEarly },
  "output leaves the pipe before it is in the file": { ...noFaults, Kernel: TakesTooEarly },
} satisfies Readonly<Record<string, Faults>>;
