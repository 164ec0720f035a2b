/** One connection of a server: what it speaks, and whether somebody waits for an answer on it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";

/** A WebSocket Close frame from server to client, code 1001 "going away" (RFC 6455, 5.5.1 and 7.4.1). */
const webSocketGoingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** The largest stream id: a GOAWAY with it announces the end without refusing streams on their way (RFC 9113, 6.8). */
const http2LastStreamMax = 2 ** 31 - 1;

export class Connection {
  #protocol: "raw" | "http" | "http2" | "upgraded";
  #session: Http2Session | undefined;
  #webSocket = false;
  #draining = false;
  #ending = false;
  #bytesWhenIdle: number;
  readonly #responses = new Set<ServerResponse>();
  readonly #socket: Socket;

  constructor(socket: Socket, protocol: "raw" | "http") {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#bytesWhenIdle = socket.bytesRead;
  }

  requestBegan(response: ServerResponse): void {
    if (this.#draining) announceClose(response);
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      this.#bytesWhenIdle = this.#socket.bytesRead;
      if (this.#ending) this.endWhenIdle();
    });
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
    if (this.#protocol !== "http" || this.#responses.size > 0) return;
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
