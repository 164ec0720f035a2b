/**
 * Ends a server without losing a request: stop accepting, finish what is in flight, close what is idle politely.
 *
 * `server.close()` alone resets requests: Node ends idle keep-alive connections at once, and a client may have just sent
 * its next request on one. Here every further answer says `Connection: close`, and connections that stay idle are only
 * ended after a pause.
 */
import { Server as NetServer } from "node:net";
import { type DrainableServer, trackServer } from "./connections.ts";

export type { DrainableServer } from "./connections.ts";
export { trackServer } from "./connections.ts";

export interface DrainOptions {
  /** How long an idle keep-alive connection may still bring a request before it is ended. Default 1000. */
  readonly idlePauseMs?: number;
  /** After this long whatever is left is cut. Default 10000. */
  readonly graceMs?: number;
  /** Cuts whatever is left at once. */
  readonly signal?: AbortSignal;
}

export interface DrainReport {
  /** Connections open when the drain began. */
  readonly connections: number;
  /** Connections cut because the grace period ran out or the signal was aborted. */
  readonly cut: number;
}

/**
 * Drains an HTTP, HTTPS, HTTP/2 or plain TCP server and resolves when its last connection is gone.
 *
 * Connections are known from `trackServer` on: call that before `listen`. WebSocket peers are told 1001 (going away);
 * plain TCP connections have no idle state that we could see, so they are given the whole grace period.
 *
 * @returns how many connections there were, and how many had to be cut.
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { createServer } from "node:http";
 * import { drainServer, trackServer } from "lares";
 *
 * const server = createServer((_request, response) => response.end("hello"));
 * trackServer(server);
 * await once(server.listen(0), "listening");
 * const report = await drainServer(server, { idlePauseMs: 50, graceMs: 1000 });
 * console.log(report.cut); // 0
 * ```
 */
export async function drainServer(server: DrainableServer, options: DrainOptions = {}): Promise<DrainReport> {
  const { idlePauseMs = 1_000, graceMs = 10_000, signal } = options;
  const tracker = trackServer(server);
  const connections = tracker.size;
  let cut = 0;
  const cutAll = () => {
    cut += tracker.cutAll();
  };

  const closed = stopAccepting(server);
  tracker.beginDrain();
  const pause = setTimeout(() => tracker.endIdle(), idlePauseMs);
  const grace = setTimeout(cutAll, graceMs);
  signal?.addEventListener("abort", cutAll, { once: true });
  if (signal?.aborted) cutAll();
  try {
    await closed;
    return { connections, cut };
  } finally {
    clearTimeout(pause);
    clearTimeout(grace);
    signal?.removeEventListener("abort", cutAll);
    tracker.reopen();
  }
}

/** Not the HTTP server's own `close`, which ends idle connections at once. Resolves when the last connection is gone. */
function stopAccepting(server: DrainableServer): Promise<void> {
  return new Promise((resolve) => {
    NetServer.prototype.close.call(server as NetServer, () => resolve());
  });
}
