import { connect, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { SyslogAddress, TlsFiles } from "../../core/sink.ts";
import { tlsOptions } from "./tls.ts";

/**
 * Sends bytes over a connection of their own, and waits until the other side, having read to the end, closes it.
 *
 * Syslog has no acknowledgement: that a write succeeded only says that this kernel has the bytes. A connection that the
 * other side closes in order after it saw the end does say that it read everything: with unread bytes the kernel sends a
 * reset instead (RFC 1122, 4.2.2.13).
 */
export function sendToEnd(
  to: SyslogAddress,
  { payload, tls, signal }: { readonly payload: Buffer; readonly tls: TlsFiles; readonly signal: AbortSignal },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = open(to, tls);
  const giveUp = () => socket.destroy(new Error("it took too long"));
  signal.addEventListener("abort", giveUp, { once: true });
  let isSent = false;
  socket.on("error", reject);
  socket.on("close", () => (isSent ? resolve() : reject(new Error("it closed the connection"))));
  // Nothing is expected, but the end is only seen by who reads.
  socket.resume();
  socket.end(payload, () => {
    isSent = true;
  });
  return promise.finally(() => signal.removeEventListener("abort", giveUp));
}

/** Half open: our end must not be sent because theirs came. */
function open(to: SyslogAddress, tls: TlsFiles): Duplex {
  if (to.transport === "unix") return connect({ path: to.path, allowHalfOpen: true });
  const { host, port } = to;
  if (to.transport === "tcp") return connect({ host, port, allowHalfOpen: true });
  const name = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port, ...name, ...tlsOptions(tls) });
}
