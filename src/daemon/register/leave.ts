/**
 * What happens on SIGTERM and SIGINT, in two steps.
 *
 * First, whatever the program does about signals: stop accepting, answer with `Connection: close`, and after a pause end
 * the connections that nobody has used. Then either the program's own handlers run (by now there is nothing left that a
 * rough `server.close()` could lose), or, where it has none, the requests in flight are waited for and the process exits.
 */
import type { Worker } from "node:cluster";
import type { Listeners } from "./listeners.ts";

/** How long an idle keep-alive connection may still bring the request that its client is about to send. */
const pauseMs = 1_000;

/** How long connections that a cluster's primary has accepted may take to reach its workers. */
const handoverMs = 200;

/** How often connections are counted while they end; only during a drain. */
const lookMs = 20;

const signals: readonly string[] = ["SIGTERM", "SIGINT"];

/** Only keeps Node from ending the process; the work is done where signals are emitted. */
function hold(): void {}

/**
 * Takes signals before the program's handlers see them.
 *
 * The supervisor's grace period bounds all waiting here, so there is no other deadline.
 */
export function leaveOnSignals(listeners: Listeners): void {
  let step: "running" | "leaving" | "left" = "running";
  const emit = process.emit;

  async function leave(): Promise<void> {
    step = "leaving";
    listeners.leave();
    await until(() => listeners.connections === 0, pauseMs);
    listeners.endIdle();
    step = "left";
  }

  async function onSignal(signal: string, deliver: () => unknown): Promise<void> {
    // A repeated signal, for the process and for its group, says nothing new.
    if (step === "leaving") return;
    if (step === "running") await leave();
    if (ownHandlers(signal) > 0) deliver();
    else await exit(listeners);
  }

  process.emit = function intercepted(this: NodeJS.Process, event: string, ...args: unknown[]): boolean {
    if (!signals.includes(event)) return Reflect.apply(emit, this, [event, ...args]);
    // Outside of any promise: what a handler throws is an uncaught exception, as it always was.
    void onSignal(event, () => setImmediate(() => Reflect.apply(emit, process, [event, ...args])));
    return true;
  } as typeof process.emit;
  // Only now: the first listener of a signal binds it to the `emit` of that moment.
  for (const signal of signals) process.on(signal, hold);
}

/**
 * How many handlers are the program's.
 *
 * Those of the package signal-exit only clean up, and count on the process ending: they are no reason to leave it alive.
 */
function ownHandlers(signal: string): number {
  const cleaners = Reflect.get(process, Symbol.for("signal-exit emitter")) as { count?: unknown } | undefined;
  const cleanerCount = typeof cleaners?.count === "number" ? cleaners.count : 0;
  return process.listeners(signal as NodeJS.Signals).filter((listener) => listener !== hold).length - cleanerCount;
}

async function exit(listeners: Listeners): Promise<void> {
  const { default: cluster } = await import("node:cluster");
  // Those that are here now: a program that replaces each worker that ends would never be done.
  const workers = Object.values(cluster.workers ?? {}).filter((worker): worker is Worker => worker !== undefined);
  // A worker that leaves takes no more: what this process has accepted for it has to have arrived.
  if (workers.length > 0) await until(() => false, handoverMs);
  for (const worker of workers) worker.process.kill("SIGTERM");
  await until(
    () => listeners.connections === 0 && workers.every((worker) => worker.isDead()),
    Number.POSITIVE_INFINITY,
  );
  // Workers forked since then have never served: they only wait to listen.
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGKILL");
  // Explicitly, since timers of the program must not hold it. Its "exit" listeners and its `exitCode` count.
  process.exit();
}

function until(condition: () => boolean, limitMs: number): Promise<void> {
  const began = performance.now();
  return new Promise((done) => {
    const look = () => {
      if (condition() || performance.now() - began >= limitMs) done();
      else setTimeout(look, lookMs);
    };
    look();
  });
}
