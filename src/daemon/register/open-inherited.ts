/** Asks inherited descriptors which addresses they listen on. */
import { readFileSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { withoutLane } from "../../protocol/lane-file.ts";
import type { InheritedDescriptor } from "../../protocol/listen-fds.ts";
import type { ListenerAddress } from "./address-match.ts";

export interface InheritedListener {
  readonly fd: number;
  readonly address: ListenerAddress;
  /** Holds the descriptor. `server.listen` takes it as a handle; it must never be destroyed, for that closes the listener. */
  readonly socket: Socket;
}

/** Descriptors that are no stream listeners (a datagram socket, a stored file) are left to the program. */
export function openInherited(descriptors: readonly InheritedDescriptor[]): InheritedListener[] {
  return descriptors.flatMap(({ fd }) => {
    try {
      const socket = new Socket({ fd, readable: false, writable: false });
      const address = tcpAddress(socket) ?? unixAddress(fd);
      return address === undefined ? [] : [{ fd, address, socket }];
    } catch {
      return [];
    }
  });
}

function tcpAddress(socket: Socket): ListenerAddress | undefined {
  const bound = socket.address();
  return "port" in bound ? { kind: "tcp", port: bound.port, host: bound.address } : undefined;
}

/** Node does not ask unix sockets for their names; the kernel lists them by inode (proc_pid_net(5)). */
function unixAddress(fd: number): ListenerAddress | undefined {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  if (inode === undefined) return undefined;
  for (const line of readFileSync("/proc/self/net/unix", "utf8").split("\n")) {
    const [, , , , , , lineInode, ...path] = line.split(" ").filter((field) => field !== "");
    if (lineInode === inode && path.length > 0) return { kind: "unix", path: withoutLane(path.join(" ")) };
  }
  return undefined;
}
