/** What the program's `start` is given. */
import type { DaemonContext } from "../definition.ts";
import type { DrainableServer } from "../drain.ts";
import type { PoolOptions, WorkerPool } from "../pool/create-pool.ts";
import type { Parts } from "./parts.ts";

export function createContext<Config>(
  parts: Parts<Config>,
  hooks: { readonly signal: AbortSignal; readonly crash: (error: Error) => void },
): DaemonContext<Config> {
  const { definition, configuration, logger, health, listeners, closers, notifier } = parts;
  return {
    name: definition.name,
    get config() {
      return configuration.current;
    },
    configuration,
    log: logger.log,
    health,
    signal: hooks.signal,
    async listen(server, options) {
      parts.loadedMetrics()?.instrument(server);
      const address = await listeners.listen(server, options);
      parts.addresses.push(`${options.name ?? "default"} ${address}`);
      logger.log.info({ listener: options.name ?? "default", address }, "listening");
      followErrors(server, (error) => logger.log.error({ err: error, listener: options.name }, "a server failed"));
      return address;
    },
    check: (name, ask, options) => health.check(name, ask, options),
    metrics: () => parts.metrics(),
    async pool<Task, Result>(options: PoolOptions) {
      const { createPool } = await import("../pool/create-pool.ts");
      const pool = await createPool<Task, Result>(options);
      observePool(parts, pool);
      closers.add("worker pool", (grace) => pool.drain(grace));
      return pool;
    },
    async supervise(options) {
      const { supervise } = await import("../supervision/create-tree.ts");
      const tree = await supervise({
        ...options,
        onRestart: (child, error) => {
          logger.log.warn({ err: error, child }, "a part failed and is started again");
          health.recordError(error);
          options.onRestart?.(child, error);
        },
        onGiveUp: (error) => {
          options.onGiveUp?.(error);
          hooks.crash(error);
        },
      });
      closers.add("supervised parts", () => tree.stop());
      return tree;
    },
    defer: (name, close) => closers.add(name, close),
    status: (text) => notifier.status(text),
    extendTimeout: (ms) => notifier.extendTimeout(ms),
  };
}

/** An error of a listening server is not the end of the program; without a listener it would be. */
function followErrors(server: DrainableServer, report: (error: Error) => void): void {
  server.on("error", report);
}

const poolFigures = ["threads", "running", "queued", "completed", "failed"] as const;

function observePool<Config>(parts: Parts<Config>, pool: Pick<WorkerPool, "figures">): void {
  parts.health.figures(() => ({ workers: pool.figures.threads, pool: pool.figures }));
  parts.loadedMetrics()?.gauge({
    name: "worker_pool_tasks",
    help: "Threads of the worker pool, and its tasks by what became of them",
    labelNames: ["kind"],
    collect() {
      for (const kind of poolFigures) this.set({ kind }, pool.figures[kind]);
    },
  });
}
