/** Getting back a listening socket that only the programs which use it still have. */
import { readdirSync, readlinkSync } from "node:fs";
import { closeFd } from "./descriptors.ts";
import { libc } from "./libc.ts";
import { openPidfd } from "./pidfd.ts";
import { pidfdGetfd } from "./process-control.ts";
import { AF_UNIX, boundAddress } from "./socket-address.ts";
import { isListeningSocket } from "./sockets.ts";

const ADDRESS_BYTES_MAX = 128;

/**
 * Copies the listener bound to `address` out of a process (`pidfd_getfd`, Linux 5.6).
 *
 * @param address `HOST:PORT` with a numeric host, or `unix:PATH`.
 * @returns our own descriptor; undefined when it has none, or may not be looked into (another user; Yama; seccomp).
 */
export function copyListener(pid: number, address: string): number | undefined {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return undefined;
  try {
    for (const number of descriptorsOf(pid)) {
      const copy = copyOf(pidfd, { pid, number });
      if (copy === undefined) continue;
      if (isListeningSocket(copy) && addressOfSocket(copy) === address) return copy;
      closeFd(copy);
    }
    return undefined;
  } finally {
    closeFd(pidfd);
  }
}

/** Where a socket is bound, as `copyListener` takes it. */
export function addressOfSocket(fd: number): string {
  const encoded = Buffer.alloc(ADDRESS_BYTES_MAX);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(encoded.length);
  libc.getsockname(fd, encoded, length);
  if (encoded.readUInt16LE(0) === AF_UNIX)
    return `unix:${encoded.toString("utf8", 2, Math.max(2, encoded.indexOf(0, 2)))}`;
  const { host, port } = boundAddress(fd);
  return `${host}:${port}`;
}

function descriptorsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

/** A server opens and closes connections while it is being looked at: one that is gone says nothing of the others. */
function copyOf(pidfd: number, { pid, number }: { pid: number; number: string }): number | undefined {
  try {
    const isSocket = readlinkSync(`/proc/${pid}/fd/${number}`).startsWith("socket:");
    return isSocket ? pidfdGetfd(pidfd, Number(number)) : undefined;
  } catch {
    return undefined;
  }
}
