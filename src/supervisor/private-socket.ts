import { chmodSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { usablePath } from "../os/socket-address.ts";
import { peerCredentials } from "../os/sockets.ts";

/** Listens on a Unix socket that only this user may open. Returns a function that ends it. */
export function listenPrivately(server: Server, path: string): Promise<() => void> {
  const usable = usablePath(path);
  removeStale(usable.path);
  // The file has its mode from the first moment.
  const before = process.umask(0o177);
  const { promise, resolve, reject } = Promise.withResolvers<() => void>();
  server.on("error", reject);
  server.listen(usable.path, () => {
    process.umask(before);
    chmodSync(usable.path, 0o600);
    usable.close();
    resolve(() => {
      server.close();
      server.closeAllConnections();
      removeStale(path);
    });
  });
  return promise;
}

/**
 * Whether this user, or root, is on the other side.
 *
 * The socket's mode keeps others out already; this also holds where it was opened up by mistake.
 */
export function isOwner(socket: Socket): boolean {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  const { uid } = peerCredentials(fd);
  return uid === 0 || uid === process.getuid?.();
}

function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // There was none.
  }
}
