/**
 * The open connections of a server, and how each of them is ended: what `drainServer` works with.
 *
 * While a server serves, its sockets are counted and nothing else: a request costs nothing. What a connection is busy with
 * is looked up when the drain begins.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2Server, Http2Session } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Server as NetServer, Socket } from "node:net";
import { announceClose, type Connection, connectionOver, receiving } from "./connection.ts";

/** Every kind of server that Node has over streams. */
export type DrainableServer = NetServer | HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** The connections of one server. Made by `trackServer`, used by `drainServer`. */
export class ConnectionTracker {
  #phase: "open" | "draining" | "ending" = "open";
  readonly #server: DrainableServer;
  readonly #sockets = new Set<Socket>();
  /** Under TLS, the sockets below: what is still shaking hands is only here. */
  readonly #carriers = new Set<Socket>();
  readonly #sessions = new WeakMap<Socket, Http2Session>();
  readonly #upgrades = new WeakMap<object, "web socket" | "other">();

  constructor(server: DrainableServer) {
    this.#server = server;
  }

  get size(): number {
    return this.#sockets.size;
  }

  beginDrain(): void {
    if (this.#phase !== "open") return;
    this.#phase = "draining";
    this.#server.prependListener("request", this.#onRequest);
    for (const socket of this.#sockets) this.#connection(socket).announce();
  }

  /** From now on a connection is ended as soon as nobody waits for an answer on it. */
  endIdle(): void {
    this.#phase = "ending";
    const arriving = receiving(this.#server);
    for (const socket of this.#sockets) this.#endWhenIdle(socket, arriving);
  }

  /** @returns how many connections were cut. */
  cutAll(): number {
    const count = this.#sockets.size;
    for (const socket of this.#sockets) this.#connection(socket).cut();
    for (const carrier of this.#carriers) carrier.destroy();
    return count;
  }

  /** The server may listen again. */
  reopen(): void {
    this.#phase = "open";
    this.#server.off("request", this.#onRequest);
  }

  attach(): void {
    const server = this.#server;
    const overTls = "setSecureContext" in server;
    let newest: Socket | undefined;

    const sockets = countedIn(this.#sockets);
    const onConnection = (socket: Socket) => {
      newest = socket;
      sockets(socket);
      // Accepted by the kernel before the listener closed, told to us after.
      if (this.#phase === "ending") setImmediate(() => this.#endWhenIdle(socket, receiving(server)));
    };
    server.prependListener(overTls ? "secureConnection" : "connection", onConnection);
    if (overTls) server.prependListener("connection", countedIn(this.#carriers));
    // An HTTP/2 session hides its socket, but begins in the very call that announces the connection.
    server.prependListener("session", (session: Http2Session) => {
      if (newest !== undefined) this.#sessions.set(newest, session);
      if (newest !== undefined && this.#phase !== "open") this.#connection(newest).announce();
    });
    const onUpgrade = ({ headers }: IncomingMessage, socket: object) => {
      this.#upgrades.set(socket, headers["sec-websocket-key"] === undefined ? "other" : "web socket");
    };
    // Node refuses upgrades by itself while nobody listens, so ours comes only in front of a listener of the program.
    for (const event of ["upgrade", "connect"]) {
      const follow = () => server.prependListener(event, onUpgrade);
      if (server.listenerCount(event) > 0) follow();
      else onceListenedTo(server, event, follow);
    }
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.httpVersionMajor !== 1) return;
    announceClose(response);
    if (this.#phase === "ending") this.#endAfter(response, request.socket);
  };

  #endWhenIdle(socket: Socket, arriving: ReadonlySet<Socket>): void {
    const waiting = this.#connection(socket).endWhenIdle(arriving);
    if (waiting !== undefined) this.#endAfter(waiting, socket);
  }

  #endAfter(response: ServerResponse, socket: Socket): void {
    response.once("close", () => this.#endWhenIdle(socket, receiving(this.#server)));
  }

  #connection(socket: Socket): Connection {
    const session = this.#sessions.get(socket);
    if (session !== undefined) return connectionOver(socket, { protocol: "http2", session });
    const upgrade = this.#upgrades.get(socket);
    if (upgrade !== undefined) return connectionOver(socket, { protocol: upgrade });
    return connectionOver(socket, { protocol: "setTimeout" in this.#server ? "http" : "raw" });
  }
}

/** A listener that keeps a set of sockets up to date: one function for all, for it is called with each of them. */
function countedIn(sockets: Set<Socket>): (socket: Socket) => void {
  function onClose(this: Socket): void {
    sockets.delete(this);
  }
  return (socket) => {
    sockets.add(socket);
    socket.on("close", onClose);
  };
}

function onceListenedTo(server: DrainableServer, event: string, follow: () => void): void {
  const watch = (added: string | symbol) => {
    if (added !== event) return;
    server.off("newListener", watch);
    follow();
  };
  server.on("newListener", watch);
}

const trackers = new WeakMap<DrainableServer, ConnectionTracker>();

/**
 * Begins to remember the connections of a server, so that `drainServer` can end each in its own way.
 *
 * Call it before `listen`; calling it again does no harm. It adds listeners to the server and nothing to its answers.
 *
 * @returns the tracker, whose `size` is the number of open connections.
 * @example
 * ```ts
 * import { createServer } from "node:net";
 * import { trackServer } from "lares";
 *
 * console.log(trackServer(createServer()).size); // 0
 * ```
 */
export function trackServer(server: DrainableServer): ConnectionTracker {
  let tracker = trackers.get(server);
  if (!tracker) {
    tracker = new ConnectionTracker(server);
    tracker.attach();
    trackers.set(server, tracker);
  }
  return tracker;
}
