/** Listening sockets, made to be handed to services: blocking, and closed on exec but for the child that gets them. */
import { chmodSync, chownSync, lstatSync, unlinkSync } from "node:fs";
import { LaresError } from "../core/errors.ts";
import { asIoError, closeFd } from "./descriptors.ts";
import { check, errnoOf, lastErrno, libc, O_CLOEXEC } from "./libc.ts";
import { findPortHolder } from "./port-holder.ts";
import type { TcpAddress } from "./socket-address.ts";
import { AF_UNIX, boundAddress, encodeTcpAddress, encodeUnixAddress, usablePath } from "./socket-address.ts";

export const SOL_SOCKET = 1;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;
export const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
const SHUT_RD = 0;

export interface TcpListenRequest extends TcpAddress {
  readonly backlog: number;
  /** Several sockets share the port; see `steerReuseport`. */
  readonly reusePort?: boolean;
}

/**
 * Listens on a TCP port; port 0 takes a free one.
 *
 * @returns the descriptor and the address it is bound to.
 * @throws LaresError `busy` naming the process that holds the port, `not_permitted`, `io`.
 */
export function listenTcp(request: TcpListenRequest): { fd: number } & TcpAddress {
  const address = encodeTcpAddress(request);
  const fd = check("socket", libc.socket(address.readUInt16LE(0), SOCK_STREAM | O_CLOEXEC, 0));
  return orClose(fd, () => {
    setOption(fd, SO_REUSEADDR, 1);
    if (request.reusePort) setOption(fd, SO_REUSEPORT, 1);
    try {
      check("bind", libc.bind(fd, address, address.length));
      check("listen", libc.listen(fd, request.backlog));
    } catch (cause) {
      throw explainTcp(request, cause);
    }
    return { fd, ...boundAddress(fd) };
  });
}

/**
 * Makes sure that nobody listens on a port. Sockets with `reusePort` would share it unasked.
 *
 * @throws LaresError as `listenTcp` does.
 */
export function requireFreePort(address: TcpAddress): void {
  const encoded = encodeTcpAddress(address);
  const fd = check("socket", libc.socket(encoded.readUInt16LE(0), SOCK_STREAM | O_CLOEXEC, 0));
  try {
    setOption(fd, SO_REUSEADDR, 1);
    check("bind", libc.bind(fd, encoded, encoded.length));
  } catch (cause) {
    throw explainTcp(address, cause);
  } finally {
    closeFd(fd);
  }
}

function explainTcp({ host, port }: TcpAddress, cause: unknown): LaresError {
  const what = `Cannot listen on ${host}:${port}`;
  switch (errnoOf(cause)) {
    case "EADDRINUSE": {
      const holder = findPortHolder(port);
      const hint =
        holder === undefined ? `Run \`ss -ltnp sport = ${port}\` to find it.` : "Stop it, or choose another port.";
      return new LaresError("busy", `${what}: ${holder ?? "another process"} listens there`, { hint, cause });
    }
    case "EACCES":
      return new LaresError("not_permitted", `${what}: ports below 1024 are root's`, {
        hint: "Choose a higher port, or lower `sysctl net.ipv4.ip_unprivileged_port_start`.",
        cause,
      });
    case "EADDRNOTAVAIL":
      return new LaresError("io", `${what}: this machine has no such address`, { hint: "Run `ip addr`.", cause });
    default:
      return new LaresError("io", `${what}: ${errnoOf(cause)}`, { cause });
  }
}

/** Who may use the file of a Unix socket. */
export interface UnixAccess {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface UnixListenRequest extends UnixAccess {
  readonly path: string;
  readonly backlog: number;
}

/**
 * Listens on a Unix socket. A file left behind by a socket that nobody listens on any more is replaced.
 *
 * @throws LaresError `busy` when somebody listens there, `io`.
 */
export function listenUnix(request: UnixListenRequest): { fd: number; path: string } {
  const fd = check("socket", libc.socket(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0));
  return orClose(fd, () => {
    bindUnix(fd, { ...request, type: SOCK_STREAM });
    // Access is set before anybody can connect.
    check("listen", libc.listen(fd, request.backlog));
    return { fd, path: request.path };
  });
}

/** Binds a Unix socket of any type to a path and sets who may use it. */
export function bindUnix(fd: number, request: UnixAccess & { readonly path: string; readonly type: number }): void {
  const { path, mode, uid, gid } = request;
  const usable = usablePath(path);
  try {
    const address = encodeUnixAddress(usable.path);
    if (libc.bind(fd, address, address.length) === -1) {
      if (lastErrno() === "EADDRINUSE") removeStale(path, { address, type: request.type });
      check("bind", libc.bind(fd, address, address.length));
    }
    if (uid !== undefined || gid !== undefined) chownSync(usable.path, uid ?? -1, gid ?? -1);
    if (mode !== undefined) chmodSync(usable.path, mode);
  } catch (cause) {
    if (cause instanceof LaresError) throw cause;
    throw new LaresError("io", `Cannot create socket "${path}": ${errnoOf(cause) ?? cause}`, { cause });
  } finally {
    usable.close();
  }
}

function removeStale(path: string, socket: { address: Buffer; type: number }): void {
  const probe = check("socket", libc.socket(AF_UNIX, socket.type | O_CLOEXEC | SOCK_NONBLOCK, 0));
  const answered = libc.connect(probe, socket.address, socket.address.length) === 0;
  const code = answered ? "" : lastErrno();
  closeFd(probe);
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) return;
  if (!file.isSocket()) {
    throw new LaresError("io", `Cannot create socket "${path}": a file that is no socket is there`, {
      hint: "Remove it, or choose another path.",
    });
  }
  if (code === "ECONNREFUSED") {
    unlinkSync(path);
    return;
  }
  throw new LaresError("busy", `Cannot create socket "${path}": another process listens there`, {
    hint: `Run \`ss -xlp src ${path}\` to find it.`,
  });
}

/** Who is at the other end of a connected Unix socket, as of the moment it connected. */
export function peerCredentials(fd: number): { pid: number; uid: number; gid: number } {
  const peer = getOption(fd, { level: SOL_SOCKET, name: SO_PEERCRED, bytes: 12 });
  return { pid: peer.readInt32LE(0), uid: peer.readUInt32LE(4), gid: peer.readUInt32LE(8) };
}

/** Whether a connection waits to be accepted from a listener. */
export function isAcceptable(fd: number): boolean {
  const POLLIN = 1;
  const asked = Buffer.alloc(8);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLIN, 4);
  return libc.poll(asked, 1, 0) > 0 && (asked.readInt16LE(6) & POLLIN) !== 0;
}

/**
 * Ends the listening of a socket for all who have it, be it in the queue of the store. To close our descriptor is not enough
 * for that: the kernel would go on giving connections to a socket that nobody accepts from.
 */
export function stopListening(fd: number): void {
  // A socket that does not listen any more is what was wanted.
  libc.shutdown(fd, SHUT_RD);
}

/** Has a listening socket listen with another backlog. */
export function setBacklog(fd: number, backlog: number): void {
  asIoError("change the backlog", () => check("listen", libc.listen(fd, backlog)));
}

/** Whether a socket listens: SO_ACCEPTCONN of socket(7). */
export function isListeningSocket(fd: number): boolean {
  return getOption(fd, { level: SOL_SOCKET, name: SO_ACCEPTCONN, bytes: 4 }).readInt32LE(0) === 1;
}

/** Sets a numeric socket option of level SOL_SOCKET. */
export function setOption(fd: number, name: number, value: number): void {
  const encoded = Buffer.alloc(4);
  encoded.writeInt32LE(value);
  check("setsockopt", libc.setsockopt(fd, SOL_SOCKET, name, encoded, encoded.length));
}

/** Reads a socket option. */
export function getOption(fd: number, option: { level: number; name: number; bytes: number }): Buffer {
  const value = Buffer.alloc(option.bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  check("getsockopt", libc.getsockopt(fd, option.level, option.name, value, length));
  return value;
}

/** Closes `fd` when `act` fails. */
export function orClose<Result>(fd: number, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
