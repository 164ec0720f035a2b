import { facilities, type SinkSpec } from "../../core/sink.ts";
import { sendSealedMemory } from "../../os/datagram-socket.ts";
import type { Entry } from "../backlog.ts";
import { severityOf } from "../severity.ts";
import { Datagrams } from "./datagrams.ts";
import type { Sink } from "./sink.ts";

/** The journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): one datagram, or sealed memory, a line. */
export class JournaldSink implements Sink {
  readonly #path: string;
  #datagrams: Datagrams | undefined;

  constructor({ path }: SinkSpec & { readonly by: "journald" }) {
    this.#path = path;
  }

  async deliver(entries: readonly Entry[], signal: AbortSignal): Promise<undefined> {
    this.#datagrams ??= new Datagrams(this.#path);
    await this.#datagrams.send(entries.map(journalEntry), signal, sendSealedMemory);
  }

  close(): void {
    this.#datagrams?.close();
    this.#datagrams = undefined;
  }
}

/** The journal stamps entries when it gets them; when the line was written is LARES_TIME. */
function journalEntry(entry: Entry): Buffer {
  const fields = {
    MESSAGE: entry.text,
    PRIORITY: severityOf(entry),
    SYSLOG_FACILITY: facilities.daemon,
    SYSLOG_IDENTIFIER: entry.service,
    LARES_SERVICE: entry.service,
    LARES_SLOT: entry.slot,
    LARES_GENERATION: entry.generation,
    LARES_STREAM: entry.stream,
    LARES_TIME: new Date(entry.timeMs).toISOString(),
  };
  // No value has a newline in it: lines are what is sent.
  return Buffer.from(
    Object.entries(fields)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
}
