/** How one connection is ended without losing what is under way on it, for each kind of protocol. */
import type { ServerResponse } from "node:http";
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";

/** A WebSocket Close frame from server to client, code 1001 "going away" (RFC 6455, 5.5.1 and 7.4.1). */
const webSocketGoingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** The largest stream id: a GOAWAY with it announces the end without refusing streams on their way (RFC 9113, 6.8). */
const http2LastStreamMax = 2 ** 31 - 1;

/** What a connection speaks. Nothing is known of what goes over a raw one, or over an upgrade that is no WebSocket. */
export type Speech =
  | { readonly protocol: "raw" | "http" | "web socket" | "other" }
  | { readonly protocol: "http2"; readonly session: Http2Session };

export interface Connection {
  /** Asks the client to send no more than it has begun. */
  announce(): void;
  /**
   * Ends it if it is idle.
   *
   * @param arriving sockets on which a request has begun to arrive and is not complete
   * @returns the answer that is still under way and after which it is to be asked again, if that is what it waits for
   */
  endWhenIdle(arriving: ReadonlySet<Socket>): ServerResponse | undefined;
  cut(): void;
}

export function connectionOver(socket: Socket, speech: Speech): Connection {
  if (speech.protocol === "http2") return http2Connection(socket, speech.session);
  if (speech.protocol === "http") return httpConnection(socket);
  return {
    announce() {
      // Only between two frames: with nothing queued, whole frames have been handed over.
      const isBetween = socket.writable && socket.writableLength === 0;
      if (speech.protocol === "web socket" && isBetween) socket.write(webSocketGoingAway);
    },
    endWhenIdle: () => undefined,
    cut: () => void socket.destroy(),
  };
}

function http2Connection(socket: Socket, session: Http2Session): Connection {
  return {
    announce() {
      if (!session.closed) session.goaway(0, http2LastStreamMax);
    },
    endWhenIdle: () => void session.close(),
    cut() {
      session.destroy();
      socket.destroy();
    },
  };
}

function httpConnection(socket: Socket): Connection {
  return {
    announce() {
      const response = answering(socket);
      if (response !== undefined) announceClose(response);
    },
    endWhenIdle(arriving) {
      const response = answering(socket);
      // One of which nothing was read yet counts as arriving for Node, from the moment it is accepted.
      if (response === undefined && (socket.bytesRead === 0 || !arriving.has(socket))) socket.destroySoon();
      return response;
    },
    cut: () => void socket.destroy(),
  };
}

/** The answer under way: where Node's own `closeIdleConnections` looks (lib/_http_server.js). */
function answering(socket: Socket): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

interface ConnectionsList {
  active(): readonly { readonly socket?: Socket | null }[];
}

/** Node's list of the connections on which a request is arriving; empty for servers that do not keep one. */
export function receiving(server: object): ReadonlySet<Socket> {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === "http.server.connections");
  const list = key === undefined ? undefined : (Reflect.get(server, key) as ConnectionsList | undefined);
  return new Set(list?.active().flatMap(({ socket }) => socket ?? []));
}

/** Of use only while the headers are still ours to change; HTTP/2 forbids the header. */
export function announceClose(response: ServerResponse): void {
  if (!response.headersSent && response.req.httpVersionMajor === 1) response.setHeader("Connection", "close");
}
