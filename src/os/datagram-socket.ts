/** Unix datagram sockets, which Node has not: sending, with memory in place of what is too large for a datagram. */
import { asIoError, closeFd } from "./descriptors.ts";
import { check, errnoOf, libc, O_CLOEXEC } from "./libc.ts";
import { sendMessage } from "./messages.ts";
import { watch } from "./poll.ts";
import { AF_UNIX, encodeUnixAddress, usablePath } from "./socket-address.ts";
import { orClose, SOCK_DGRAM } from "./sockets.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** Nobody changes it any more: F_SEAL_SEAL, _SHRINK, _GROW and _WRITE. */
const ALL_SEALS = 1 | 2 | 4 | 8;

/**
 * Connects a datagram socket to the one at `path`.
 *
 * @returns its descriptor
 * @throws LaresError `io`; its cause's code is `EPROTOTYPE` where a stream is listened for
 */
export function connectDatagram(path: string): number {
  const usable = usablePath(path);
  try {
    return asIoError(`connect to "${path}"`, () => {
      const fd = check("socket", libc.socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0));
      const address = encodeUnixAddress(usable.path);
      return orClose(fd, () => {
        check("connect", libc.connect(fd, address, address.length));
        return fd;
      });
    });
  } finally {
    usable.close();
  }
}

/** What became of a datagram: the other side's queue may be full, or the datagram too large for it. */
export type Sent = "sent" | "full" | "too_large";

/** Sends one datagram without blocking. @throws LaresError `io` */
export function sendDatagram(fd: number, data: Buffer): Sent {
  try {
    return sendMessage(fd, { data, fds: [] }) ? "sent" : "full";
  } catch (error) {
    if (errnoOf(error) === "EMSGSIZE") return "too_large";
    throw error;
  }
}

/** Sends memory that holds `data` and can be changed by nobody, as journald takes what is too large for it. */
export function sendSealedMemory(fd: number, data: Buffer): Sent {
  const memory = asIoError("create memory", () => {
    return check("memfd_create", libc.memfd_create("lares-log", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  });
  try {
    asIoError("fill memory", () => {
      for (let at = 0; at < data.length; ) {
        at += check("write", Number(libc.write(memory, data.subarray(at), data.length - at)));
      }
      check("fcntl", libc.fcntl(memory, F_ADD_SEALS, ALL_SEALS));
    });
    return sendMessage(fd, { data: Buffer.alloc(0), fds: [memory] }) ? "sent" : "full";
  } finally {
    closeFd(memory);
  }
}

/** Resolves when the other side's queue has room again, or it is gone, or `signal` fires. */
export function whenWritable(fd: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watching = watch(fd, { writable: true }, () => resolve());
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  return promise.finally(() => {
    signal.removeEventListener("abort", onAbort);
    watching.close();
  });
}
