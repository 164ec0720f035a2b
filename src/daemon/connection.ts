/** One connection of a server: what it speaks, and whether somebody waits for an answer on it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";

/** A WebSocket Close frame from server to client, code 1001 "going away" (RFC 6455, 5.5.1 and 7.4.1). */
const webSocketGoingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** The largest stream id: a GOAWAY with it announces the end without refusing streams on their way (RFC 9113, 6.8). */
const http2LastStreamMax = 2 ** 31 - 1;

/** Found on the socket itself: there is one look for every request, and this is the cheapest. */
const own = Symbol("lares.connection");

type Tracked = object & { [own]?: Connection };

/** The connection over a socket, once it is tracked. */
export function connectionOf(socket: object): Connection | undefined {
  return (socket as Tracked)[own];
}

/** Shared by all sockets and all responses: a function for each would cost more than what it does. */
function onSocketClose(this: Socket): void {
  connectionOf(this)?.closed();
}

function onResponseClose(this: ServerResponse): void {
  connectionOf(this.req.socket)?.answered(this);
}

export class Connection {
  #protocol: "raw" | "http" | "http2" | "upgraded";
  #session: Http2Session | undefined;
  #webSocket = false;
  #draining = false;
  #ending = false;
  #bytesWhenIdle: number;
  /** Under way, oldest first; more than one where a client does not wait for its answers. */
  readonly #responses: ServerResponse[] = [];
  readonly #socket: Socket;
  readonly #all: Set<Connection>;

  /** @param all of the server: this one is among them until it is closed */
  constructor(socket: Socket, { protocol, all }: { protocol: "raw" | "http"; all: Set<Connection> }) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#all = all;
    // Nothing has been read of one that was only just accepted.
    this.#bytesWhenIdle = 0;
    all.add(this);
    (socket as Tracked)[own] = this;
    socket.on("close", onSocketClose);
  }

  closed(): void {
    this.#all.delete(this);
  }

  requestBegan(response: ServerResponse): void {
    if (this.#protocol === "http2") return;
    if (this.#draining) announceClose(response);
    this.#responses.push(response);
    response.on("close", onResponseClose);
  }

  answered(response: ServerResponse): void {
    const index = this.#responses.indexOf(response);
    if (index >= 0) this.#responses.splice(index, 1);
    this.#bytesWhenIdle = this.#socket.bytesRead;
    if (this.#ending) this.endWhenIdle();
  }

  upgraded(request: IncomingMessage): void {
    this.#protocol = "upgraded";
    this.#webSocket = request.headers["sec-websocket-key"] !== undefined;
  }

  sessionBegan(session: Http2Session): void {
    this.#protocol = "http2";
    this.#session = session;
  }

  beginDrain(): void {
    this.#draining = true;
    for (const response of this.#responses) announceClose(response);
    if (this.#session && !this.#session.closed) this.#session.goaway(0, http2LastStreamMax);
    // Only between two frames: with nothing queued, whole frames have been handed over.
    if (this.#webSocket && this.#socket.writable && this.#socket.writableLength === 0) {
      this.#socket.write(webSocketGoingAway);
    }
  }

  /** Ends the connection now if it is idle, otherwise as soon as it becomes so. */
  endWhenIdle(): void {
    this.#ending = true;
    if (this.#protocol === "http2") this.#session?.close();
    if (this.#protocol !== "http" || this.#responses.length > 0) return;
    // Bytes since the last answer are the beginning of a request.
    if (this.#socket.bytesRead === this.#bytesWhenIdle) this.#socket.destroySoon();
  }

  cut(): void {
    this.#session?.destroy();
    this.#socket.destroy();
  }
}

/** Of use only while the headers are still ours to change; HTTP/2 forbids the header. */
function announceClose(response: ServerResponse): void {
  if (!response.headersSent && response.req.httpVersionMajor === 1) response.setHeader("Connection", "close");
}
