/** Health and metrics over HTTP: `/health`, `/livez`, `/readyz`, `/metrics`. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Health, ProbeResult } from "./health.ts";

/** Whatever can write itself as OpenMetrics text. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
}

/**
 * Makes the server of the health endpoints; let it listen on a port or a Unix socket that is not the public one.
 *
 * `/health` answers a JSON report, 200 or 503; `/livez` and `/readyz` answer one word, and one line per check with
 * `?verbose`; `/metrics` answers OpenMetrics when there are any.
 *
 * @example
 * ```ts
 * import { createHealthServer, Health, Listeners } from "lares";
 *
 * const health = new Health();
 * health.becameReady();
 * const listeners = new Listeners();
 * const address = await listeners.listen(createHealthServer({ health }), { port: 0, host: "127.0.0.1" });
 * const answer = await fetch(`http://${address}/health`);
 * console.log(answer.status); // 200
 * await listeners.drain({ idlePauseMs: 0 });
 * ```
 */
export function createHealthServer(sources: {
  readonly health: Health;
  readonly metrics?: () => MetricsSource | undefined;
}): Server {
  // An `import` of it would evaluate all that it exports, a fetch client included: 37 ms for every importer of `lares`.
  const { createServer } = process.getBuiltinModule("node:http");
  return createServer((request, response) => {
    answer(request, { response, ...sources }).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "Content-Type": "text/plain" });
      response.end(`${error instanceof Error ? error.message : error}\n`);
    });
  });
}

async function answer(
  request: IncomingMessage,
  to: { response: ServerResponse; health: Health; metrics?: () => MetricsSource | undefined },
): Promise<void> {
  const { response, health } = to;
  const url = new URL(request.url ?? "/", "http://localhost");
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" }).end();
    return;
  }
  switch (url.pathname) {
    case "/health": {
      const report = await health.report();
      response.writeHead(report.status === "ok" ? 200 : 503, {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
      });
      response.end(`${JSON.stringify(report)}\n`);
      return;
    }
    case "/livez":
      return probe(response, { result: await health.live(), verbose: url.searchParams.has("verbose") });
    case "/readyz":
      return probe(response, { result: await health.ready(), verbose: url.searchParams.has("verbose") });
    case "/metrics": {
      const metrics = to.metrics?.();
      if (!metrics) break;
      response.writeHead(200, { "Content-Type": metrics.contentType }).end(await metrics.text());
      return;
    }
  }
  response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
}

function probe(response: ServerResponse, answer: { result: ProbeResult; verbose: boolean }): void {
  const { ok, lines } = answer.result;
  response.writeHead(ok ? 200 : 503, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  const word = ok ? "ok" : "not ok";
  response.end(answer.verbose || !ok ? `${[...lines, word].join("\n")}\n` : `${word}\n`);
}
