import type { SinkSpec } from "../../core/sink.ts";
import { errnoOf } from "../../os/libc.ts";
import type { Entry } from "../backlog.ts";
import { Datagrams } from "./datagrams.ts";
import type { Sink } from "./sink.ts";
import { sendToEnd } from "./stream-connection.ts";
import { framed, syslogMessage } from "./syslog-message.ts";

/** A longer line does not go through every datagram socket; it is cut, and says so. */
const DATAGRAM_BYTES_MAX = 64 * 1024;

/** RFC 5424 over TCP, TLS, or a Unix socket: datagrams where it takes them, a stream otherwise. */
export class SyslogSink implements Sink {
  readonly #spec: SinkSpec & { readonly by: "syslog" };
  #datagrams: Datagrams | undefined;

  constructor(spec: SinkSpec & { readonly by: "syslog" }) {
    this.#spec = spec;
  }

  async deliver(entries: readonly Entry[], signal: AbortSignal): Promise<undefined> {
    const { to, facility, tls } = this.#spec;
    const messages = entries.map((entry) => syslogMessage(entry, facility));
    if (to.transport === "unix") this.#datagrams ??= openDatagrams(to.path);
    if (this.#datagrams !== undefined) await this.#datagrams.send(messages.map(cut), signal);
    else await sendToEnd(to, { payload: Buffer.from(messages.map(framed).join("")), tls, signal });
  }

  close(): void {
    this.#datagrams?.close();
    this.#datagrams = undefined;
  }
}

/** Undefined where a stream is listened for. */
function openDatagrams(path: string): Datagrams | undefined {
  try {
    return new Datagrams(path);
  } catch (error) {
    if (errnoOf(error) === "EPROTOTYPE") return undefined;
    throw error;
  }
}

function cut(text: string): Buffer {
  const message = Buffer.from(text);
  if (message.length <= DATAGRAM_BYTES_MAX) return message;
  const notice = Buffer.from(` … [cut by lares: it has ${message.length} bytes]`);
  let end = DATAGRAM_BYTES_MAX - notice.length;
  // Not within a character: what follows its first byte begins with the bits 10.
  while (((message[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return Buffer.concat([message.subarray(0, end), notice]);
}
