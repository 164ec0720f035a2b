/** The open connections of a server, and what each is busy with: what `drainServer` decides on. */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2Server, Http2Session } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Server as NetServer, Socket } from "node:net";
import { Connection, connectionOf } from "./connection.ts";

/** Every kind of server that Node has over streams. */
export type DrainableServer = NetServer | HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** The connections of one server. Made by `trackServer`, used by `drainServer`. */
export class ConnectionTracker {
  #phase: "open" | "draining" | "ending" = "open";
  readonly #connections = new Set<Connection>();
  /** Under TLS, the sockets below: what is still shaking hands is only here. */
  readonly #carriers = new Set<Socket>();

  get size(): number {
    return this.#connections.size;
  }

  beginDrain(): void {
    this.#phase = "draining";
    for (const connection of this.#connections) connection.beginDrain();
  }

  /** From now on a connection is ended as soon as nobody waits for an answer on it. */
  endIdle(): void {
    this.#phase = "ending";
    for (const connection of this.#connections) connection.endWhenIdle();
  }

  /** @returns how many connections were cut. */
  cutAll(): number {
    const count = this.#connections.size;
    for (const connection of this.#connections) connection.cut();
    for (const carrier of this.#carriers) carrier.destroy();
    return count;
  }

  /** The server may listen again. */
  reopen(): void {
    this.#phase = "open";
  }

  attach(server: DrainableServer): void {
    const protocol = "setTimeout" in server ? "http" : "raw";
    const overTls = "setSecureContext" in server;
    let newest: Connection | undefined;

    const onConnection = (socket: Socket) => {
      newest = new Connection(socket, { protocol, all: this.#connections });
      // Accepted by the kernel before the listener closed, told to us after.
      if (this.#phase !== "open") newest.beginDrain();
      if (this.#phase === "ending") newest.endWhenIdle();
    };
    const onUpgrade = (request: IncomingMessage, socket: object) => connectionOf(socket)?.upgraded(request);

    if (overTls) {
      server.prependListener("secureConnection", onConnection);
      server.prependListener("connection", (socket: Socket) => {
        this.#carriers.add(socket);
        socket.once("close", () => this.#carriers.delete(socket));
      });
    } else {
      server.prependListener("connection", onConnection);
    }
    server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
      connectionOf(request.socket)?.requestBegan(response);
    });
    // An HTTP/2 session hides its socket, but begins in the very call that announces the connection.
    server.prependListener("session", (session: Http2Session) => newest?.sessionBegan(session));
    // Node refuses upgrades by itself while nobody listens, so ours comes only in front of a listener of the program.
    for (const event of ["upgrade", "connect"]) {
      const follow = () => server.prependListener(event, onUpgrade);
      if (server.listenerCount(event) > 0) follow();
      else onceListenedTo(server, event, follow);
    }
  }
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
    tracker = new ConnectionTracker();
    tracker.attach(server);
    trackers.set(server, tracker);
  }
  return tracker;
}
