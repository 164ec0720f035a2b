import type { EventFile } from "../../src/supervisor/event-file.ts";
import type { StoreSocket } from "../../src/supervisor/fd-store.ts";
import type { JournalFile } from "../../src/supervisor/journal.ts";
import type { Machine } from "./machine.ts";
import type { SimKernel } from "./sim-kernel.ts";
import type { Witness } from "./witness.ts";

/** The journal: a death in the middle of a write leaves a part of it. */
export function simJournalFile(machine: Machine, kernel: SimKernel): JournalFile {
  return {
    read: () => machine.journal,
    append(text) {
      kernel.enter(() => {
        machine.journal += torn(text, machine);
      });
      machine.journal += text;
    },
    replace(text) {
      kernel.enter();
      machine.journal = text;
    },
  };
}

/** The file of events; it is never rotated within so short a life. */
export function simEventFile(machine: Machine, kernel: SimKernel): EventFile {
  return {
    read: () => machine.events,
    readOlder: () => "",
    append(text) {
      kernel.enter(() => {
        machine.events += torn(text, machine);
      });
      machine.events += text;
    },
    rotate() {},
  };
}

function torn(text: string, { random }: Machine): string {
  return text.slice(0, random.int(0, text.length));
}

/** The store's pair of sockets. */
export function simStoreSocket(
  machine: Machine,
  { kernel, witness }: { readonly kernel: SimKernel; readonly witness: Witness },
): StoreSocket {
  const queue = machine.store;
  return {
    send(data, fds) {
      kernel.enter();
      const descriptions = fds.map((fd) => kernel.fds.describe(fd));
      if (queue.length >= machine.options.storeMessagesMax) return false;
      for (const description of descriptions) {
        description.refs += 1;
        if (description.kind === "pidfd") witness.parked(description.process);
      }
      queue.push({ data: Buffer.from(data), descriptions });
      return true;
    },
    receive({ peek }) {
      kernel.enter();
      const message = queue[0];
      if (!message) return undefined;
      const fds = message.descriptions.map((description) => kernel.fds.open(description));
      if (!peek) {
        queue.shift();
        for (const description of message.descriptions) description.refs -= 1;
      }
      return { data: message.data, fds };
    },
    close: (fd) => kernel.close(fd),
  };
}
