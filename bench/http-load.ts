/**
 * Clients that ask without pause, and count every request that got no whole answer.
 *
 * wrk asks faster, but counts the answers that it cuts off at its own end, knows no unix sockets, and says nothing of the
 * kind of a failure. Here a request is only given up after ten seconds, and the last ones are waited for.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "./tools.ts";

export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

export interface Load {
  readonly rate: number;
  readonly answered: number;
  /** How many failed, by what was wrong. */
  readonly failures: ReadonlyMap<string, number>;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const givenUpMs = 10_000;

/** @returns a function that ends the load once all answers are there */
export function startLoad(
  target: Target,
  { connections, keepAlive }: { readonly connections: number; readonly keepAlive: boolean },
): () => Promise<Load> {
  const head = `GET / HTTP/1.1\r\nHost: bench\r\n${keepAlive ? "" : "Connection: close\r\n"}\r\n`;
  const failures = new Map<string, number>();
  const tookMs: number[] = [];
  let running = true;

  async function client(): Promise<void> {
    while (running) {
      try {
        await askOverOne();
      } catch (error) {
        const kind = (error as NodeJS.ErrnoException).code ?? String(error);
        failures.set(kind, (failures.get(kind) ?? 0) + 1);
        // Whoever refuses at once would otherwise be asked thousands of times.
        await pause(1);
      }
    }
  }

  /** Asks until the server announces that it closes the connection. A new one is part of the time of its first answer. */
  async function askOverOne(): Promise<void> {
    let startedAt = performance.now();
    const socket = connect(target).setEncoding("latin1").setNoDelay().setTimeout(givenUpMs);
    // What comes after an answer concerns nobody.
    socket.on("error", () => {});
    try {
      for (let isKept = true; isKept && running; startedAt = performance.now()) {
        isKept = (await ask(socket, head)) && keepAlive;
        tookMs.push(performance.now() - startedAt);
      }
    } finally {
      socket.destroy();
    }
  }

  const startedAt = performance.now();
  const all = Promise.all(Array.from({ length: connections }, client));
  return async () => {
    running = false;
    const seconds = (performance.now() - startedAt) / 1000;
    await all;
    return {
      rate: tookMs.length / seconds,
      answered: tookMs.length,
      failures,
      p99Ms: quantile(tookMs, 0.99),
      maxMs: quantile(tookMs, 1),
    };
  };
}

/** One request. @returns whether the server keeps the connection */
function ask(socket: Socket, head: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  let text = "";
  const onData = (part: string) => {
    text += part;
    const bodyAt = text.indexOf("\r\n\r\n") + 4;
    if (bodyAt < 4) return;
    const headers = text.slice(0, bodyAt);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(headers)?.[1]);
    if (Number.isNaN(length)) reject(new Error("no Content-Length"));
    else if (!/^HTTP\/1\.[01] 200 /.test(headers)) reject(new Error(headers.slice(0, headers.indexOf("\r"))));
    else if (text.length >= bodyAt + length)
      resolve(!/\r\nconnection: *close/i.test(headers) && !/^HTTP\/1\.0/.test(headers));
  };
  const onClose = () => reject(new Error("closed before the answer"));
  const onTimeout = () => reject(new Error("no answer in 10 s"));
  socket.on("data", onData).on("error", reject).on("close", onClose).on("timeout", onTimeout);
  socket.write(head);
  return promise.finally(() => {
    socket.off("data", onData).off("close", onClose).off("timeout", onTimeout).off("error", reject);
  });
}
