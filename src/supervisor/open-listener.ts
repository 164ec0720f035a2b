/** Opening a socket as the configuration describes it, and changing what can be changed of an open one. */
import { chmodSync, chownSync } from "node:fs";
import type { ListenerSpec } from "../core/spec.ts";
import { asIoError } from "../os/descriptors.ts";
import { listenTcp, listenUnix, requireFreePort, setBacklog } from "../os/sockets.ts";
import { lookupGroup, lookupUser } from "../os/users.ts";

/** The address as the configuration has it. */
export function addressText({ address }: ListenerSpec): string {
  return address.family === "unix" ? `unix:${address.path}` : `${address.host}:${address.port}`;
}

/** All but the address: it can be changed while the socket is open. */
export function accessText({ backlog, mode, owner }: ListenerSpec): string {
  return JSON.stringify([backlog, mode, owner?.user, owner?.group]);
}

/**
 * Listens.
 *
 * @param options.beside a socket of the same service on this address, beside which this one is opened
 * @throws LaresError `busy` naming who holds the address
 */
export function openListener(
  { address, backlog, mode, owner }: ListenerSpec,
  { beside }: { readonly beside: string | undefined },
): number {
  if (address.family === "unix") {
    const ids = idsOf(owner);
    return listenUnix({ path: address.path, backlog, ...(mode !== undefined && { mode }), ...ids }).fd;
  }
  // With port 0 all slots use the port that the first of them got.
  const port = beside === undefined ? address.port : Number(beside.slice(beside.lastIndexOf(":") + 1));
  const where = { host: address.host, port };
  // The kernel lets sockets of one user share a port although they know nothing of each other.
  if (beside === undefined) requireFreePort(where);
  return listenTcp({ ...where, backlog, reusePort: true }).fd;
}

/** Brings an open socket up to date with what is configured now. */
export function adjustListener(fd: number, { address, backlog, mode, owner }: ListenerSpec): void {
  setBacklog(fd, backlog);
  if (address.family !== "unix") return;
  const { uid, gid } = idsOf(owner);
  asIoError(`change access to "${address.path}"`, () => {
    if (uid !== undefined || gid !== undefined) chownSync(address.path, uid ?? -1, gid ?? -1);
    if (mode !== undefined) chmodSync(address.path, mode);
  });
}

function idsOf(owner: ListenerSpec["owner"]): { readonly uid?: number; readonly gid?: number } {
  return {
    ...(owner?.user !== undefined && { uid: lookupUser(owner.user).uid }),
    ...(owner?.group !== undefined && { gid: lookupGroup(owner.group) }),
  };
}
