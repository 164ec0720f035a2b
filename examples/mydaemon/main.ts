#!/usr/bin/env node
/**
 * mydaemon: a small program that uses all of the library.
 *
 * It counts primes on threads and answers over HTTP on port 8080; its health and metrics are on 8081. See README.md for the
 * ways to run it.
 */
import { createServer } from "node:http";
import { defineDaemon } from "lares";
import { Cache } from "./cache.ts";
import { schema } from "./config.ts";
import { answer } from "./routes.ts";

const daemon = defineDaemon({
  name: "mydaemon",
  version: process.env.MYDAEMON_VERSION ?? "1.0.0",
  config: {
    schema,
    file: "/etc/mydaemon/config.json",
    optional: true,
    envPrefix: "MYDAEMON_",
    needsRestart: ["port", "health_port"],
  },
  graceMs: 8_000,
  log: (config) => ({ level: config.log_level, redact: ["headers.authorization"] }),
  health: (config) => ({ port: config.health_port }),
  metrics: true,
  guard: (config) => ({
    memoryBytes: { soft: config.max_memory * 1e6, hard: config.max_memory * 1.2e6 },
    eventLoopDelayMs: { soft: 500 },
    replace: true,
  }),

  async start(context) {
    const { config, log } = context;
    const pool = await context.pool<number, number>({
      file: new URL(import.meta.url.endsWith(".ts") ? "./primes.ts" : "./primes.js", import.meta.url),
      threads: config.worker_count,
      threadsMax: 16,
      queueMax: 100,
    });
    const cache = new Cache();
    await context.supervise({
      intensity: 5,
      periodMs: 10_000,
      children: [{ name: "cache", start: (child) => cache.start(child) }],
    });
    context.check("cache", () => cache.isUp);
    context.check("workers", () => pool.run(10, { timeoutMs: 1_000, priority: 1 }), { cacheMs: 5_000 });

    const server = createServer((request, response) => {
      answer(request, response, { context, pool, cache }).catch((error: unknown) => {
        log.error({ err: error, url: request.url }, "a request failed");
        context.health.recordError(error);
        if (!response.headersSent) response.writeHead(500);
        response.end("sorry\n");
      });
    });
    await context.listen(server, { name: "http", port: config.port });

    return {
      reload({ keys, current }) {
        if (keys.includes("worker_count")) pool.resize(current.worker_count);
      },
      stop: () => log.info({ tasks: pool.figures.completed }, "thank you and good night"),
    };
  },
});

await daemon.main();
