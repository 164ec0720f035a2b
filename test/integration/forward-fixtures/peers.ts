/** The other sides of deliveries, and log files to deliver. */
import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { createServer as createHttpServer, type IncomingHttpHeaders } from "node:http";
import { createServer, type ListenOptions, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { Entry } from "../../../src/forward/backlog.ts";
import type { StreamName } from "../../../src/logs/names.ts";
import { Writers } from "../../../src/logs/writers.ts";
import { closeFd } from "../../../src/os/descriptors.ts";
import { check, libc, O_CLOEXEC } from "../../../src/os/libc.ts";
import { MessageReceiver } from "../../../src/os/messages.ts";
import { watch } from "../../../src/os/poll.ts";
import { AF_UNIX } from "../../../src/os/socket-address.ts";
import { bindUnix, SOCK_DGRAM } from "../../../src/os/sockets.ts";

/** Lines of service `api`, slot 0. */
export function entries(...texts: readonly string[]): Entry[] {
  const timeMs = Date.parse("2026-11-22T10:00:00.123Z");
  const of = { service: "api", slot: 0, stream: "stdout", generation: 3, timeMs } as const;
  return texts.map((text, index) => ({ ...of, text, timeNs: BigInt(timeMs) * 1_000_000n + BigInt(index) }));
}

/** A directory for one test. */
export function temporary(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "lares-forward-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Octet-counted messages in the order they came; a connection that was cut off gives what came whole. */
export async function syslogServer(
  at: ListenOptions,
  options: { readonly tls?: TlsOptions; readonly breaks?: () => boolean } = {},
): Promise<AsyncDisposable & { readonly messages: string[]; readonly port: number }> {
  const messages: string[] = [];
  const server: Server = options.tls ? createTlsServer(options.tls) : createServer();
  server.on(options.tls ? "secureConnection" : "connection", (socket) => {
    const chunks: Buffer[] = [];
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (options.breaks?.()) socket.resetAndDestroy?.() ?? socket.destroy();
    });
    socket.on("close", () => messages.push(...unframed(Buffer.concat(chunks))));
  });
  await new Promise<void>((resolve) => server.listen(at, resolve));
  const address = server.address();
  return {
    messages,
    port: typeof address === "object" ? (address?.port ?? 0) : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function unframed(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const end = space + 1 + Number(bytes.toString("latin1", at, space));
    if (space < 0 || end > bytes.length) break;
    messages.push(bytes.toString("utf8", space + 1, end));
    at = end;
  }
  return messages;
}

/** A bound datagram socket, and what came through it. Reading can be put off, so that its queue fills. */
export function datagramServer(path: string): Disposable & { readonly received: Received[]; read(): void } {
  const fd = check("socket", libc.socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0));
  bindUnix(fd, { path, type: SOCK_DGRAM });
  const receiver = new MessageReceiver(256 * 1024);
  const received: Received[] = [];
  const watching = watch(fd, { readable: true }, () => {
    for (let next = receiver.receive(fd); next !== undefined; next = receiver.receive(fd)) {
      received.push({ text: next.data.toString("utf8"), fds: next.fds });
    }
  });
  watching.pause();
  return {
    received,
    read: () => watching.resume(),
    [Symbol.dispose]: () => {
      watching.close();
      closeFd(fd);
    },
  };
}

export interface Received {
  readonly text: string;
  readonly fds: readonly number[];
}

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Answers each request as told, and keeps those it took. */
export async function httpServer(
  answer: (posted: Posted) => { readonly status: number; readonly body?: string },
): Promise<AsyncDisposable & { readonly taken: Posted[]; readonly url: string }> {
  const taken: Posted[] = [];
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const posted = {
      path: request.url ?? "",
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString("utf8")),
    };
    const { status, body } = answer(posted);
    if (status < 300) taken.push(posted);
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    taken,
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Log files of service `api`, written as captures write them. */
export function logFiles(directory: string) {
  const writers = new Writers({ directory, now: Date.now, onRotated: () => {} });
  const bounds = { maxSizeBytes: 2 ** 40, maxAgeMs: 2 ** 40, keep: 100, totalBytes: 2 ** 40 };
  const limits = { ...bounds, compress: "none", whenFull: "block" } as const;
  const writer = (stream: StreamName) => writers.of("api", { slot: 0, stream }, limits);
  return {
    write(text: string, stream: StreamName = "stdout") {
      const to = writer(stream);
      const fd = to.note(1);
      to.advance(writeSync(fd, text, to.offset));
    },
    rotate: (stream: StreamName = "stdout") => writer(stream).askRotation(),
  };
}
