/** The receiving end of `$NOTIFY_SOCKET`; see sd_notify(3). */
import { check, libc, O_CLOEXEC } from "./libc.ts";
import { type Message, MessageReceiver } from "./messages.ts";
import { AF_UNIX } from "./socket-address.ts";
import { bindUnix, orClose, SOCK_DGRAM, setOption, type UnixAccess } from "./sockets.ts";

const SO_PASSCRED = 16;
/** `PIPE_BUF`: what systemd receives at most. */
const DATAGRAM_BYTES_MAX = 4096;

/**
 * One notification as it came. To be dropped when it is truncated or has no credentials; its descriptors must be
 * closed in any case (a `BARRIER=1` waits for that).
 */
export type NotifyDatagram = Message;

/**
 * Binds a datagram socket at `path`, ready for `watch` and `receiveNotify`. A stale file is replaced.
 *
 * Clients can only use a path of at most 107 bytes (`fitsSocketAddress`).
 */
export function bindNotify(path: string, access: UnixAccess = {}): number {
  const fd = check("socket", libc.socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0));
  return orClose(fd, () => {
    // Before anybody can send: a datagram that is queued earlier would have no credentials.
    setOption(fd, SO_PASSCRED, 1);
    bindUnix(fd, { ...access, path, type: SOCK_DGRAM });
    return fd;
  });
}

let receiver: MessageReceiver | undefined;

/**
 * The next notification; undefined when there is none.
 *
 * @param options `peek` leaves it in the queue and gives copies of its descriptors.
 */
export function receiveNotify(fd: number, options: { readonly peek?: boolean } = {}): NotifyDatagram | undefined {
  receiver ??= new MessageReceiver(DATAGRAM_BYTES_MAX);
  return receiver.receive(fd, options);
}
