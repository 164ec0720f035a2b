/** What mydaemon answers on its public port. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonContext, WorkerPool } from "lares";
import type { Cache } from "./cache.ts";
import type { Config } from "./config.ts";

export interface Services {
  readonly context: DaemonContext<Config>;
  readonly pool: WorkerPool<number, number>;
  readonly cache: Cache;
}

const primesLimitMax = 50_000_000;

export async function answer(request: IncomingMessage, response: ServerResponse, services: Services): Promise<void> {
  const { context, pool, cache } = services;
  const url = new URL(request.url ?? "/", "http://localhost");
  switch (url.pathname) {
    case "/":
      response.end(`${context.config.greeting} from ${process.pid}\n`);
      return;
    case "/slow":
      await sleep(Number(url.searchParams.get("ms") ?? 1000));
      response.end("that took a while\n");
      return;
    case "/primes": {
      const below = Math.min(Number(url.searchParams.get("below") ?? 1000), primesLimitMax);
      const count = await cache.remember(below, () => pool.run(below, { timeoutMs: 10_000 }));
      response.end(`${count}\n`);
      return;
    }
  }
  if (url.pathname.startsWith("/admin/")) return misbehave(url, { request, response, services });
  response.writeHead(404).end("not found\n");
}

/** What its tests and a curious reader need: everything that can go wrong, on demand. */
function misbehave(url: URL, call: { request: IncomingMessage; response: ServerResponse; services: Services }): void {
  const { request, response, services } = call;
  if (request.headers.authorization !== `Bearer ${services.context.config.admin_token.reveal()}`) {
    response.writeHead(401).end("not you\n");
    return;
  }
  switch (url.pathname) {
    case "/admin/crash":
      response.end("crashing\n");
      setImmediate(() => {
        throw new Error("somebody asked for a crash");
      });
      return;
    case "/admin/block":
      response.end("blocking the event loop for ever\n", () => {
        for (;;);
      });
      return;
    case "/admin/break-cache":
      services.cache.breakDown();
      response.end("broken\n");
      return;
  }
  response.writeHead(404).end("not found\n");
}
