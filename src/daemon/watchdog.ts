/** Keep-alive pings, as long as the event loop turns. */
import type { Notifier } from "./notifier.ts";

/**
 * Pings the service manager's watchdog at a third of the interval it asked for in `WATCHDOG_USEC`. Half would do, but for an
 * upgrade: the last ping of the predecessor and the first one of its successor that counts may lie two pings apart.
 *
 * The pings come from a timer, so a blocked event loop stops them. `isAlive` can hold them back for other reasons.
 *
 * @returns the interval of the pings in milliseconds, undefined when no watchdog was asked for, and an end to it.
 * @example
 * ```ts
 * import { Notifier, startWatchdog } from "lares";
 *
 * const notifier = await Notifier.open();
 * using watchdog = startWatchdog(notifier);
 * console.log(watchdog.intervalMs); // undefined, unless WATCHDOG_USEC is set
 * ```
 */
export function startWatchdog(
  notifier: Pick<Notifier, "send">,
  options: { env?: Record<string, string | undefined>; isAlive?: () => boolean } = {},
): Disposable & { readonly intervalMs: number | undefined } {
  const { env = process.env, isAlive = () => true } = options;
  const intervalMs = pingIntervalMs(env);
  if (intervalMs === undefined) return { intervalMs, [Symbol.dispose]: () => {} };
  const ping = () => {
    if (isAlive()) notifier.send({ watchdog: "ping" });
  };
  ping();
  const timer = setInterval(ping, intervalMs).unref();
  return { intervalMs, [Symbol.dispose]: () => clearInterval(timer) };
}

/** Only the process that `WATCHDOG_PID` names is asked; without it, everybody is. */
function pingIntervalMs(env: Record<string, string | undefined>): number | undefined {
  const usec = Number(env.WATCHDOG_USEC);
  if (!Number.isSafeInteger(usec) || usec <= 0) return undefined;
  if (env.WATCHDOG_PID !== undefined && Number(env.WATCHDOG_PID) !== process.pid) return undefined;
  return Math.max(1, Math.floor(usec / 3000));
}
