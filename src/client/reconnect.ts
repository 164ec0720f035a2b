import { dirname } from "node:path";
import { LaresError } from "../core/errors.ts";
import type { Request } from "./connection.ts";
import { isDisconnected } from "./errors.ts";
import { findKeeper } from "./keeper.ts";

/** A keeper needs a fraction of a second to start a supervisor again; one that needs longer than this cannot. */
export const reconnectMs = 10_000;

/** Between two attempts; most supervisors are back before the longest of them. */
const [firstPauseMs, lastPauseMs, growth] = [10, 100, 1.3];

/**
 * Carries out a request again while the supervisor that is to answer it is being started anew.
 *
 * What was lost on its way may have been carried out all the same, so only what reads is sent twice. Without a keeper
 * nothing is waited for.
 *
 * @throws LaresError that of the attempt; `io` when a keeper lives, and its supervisor does not answer in time.
 */
export async function acrossRestarts<T>(request: Request, attempt: () => Promise<T>): Promise<T> {
  let deadlineMs: number | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * growth, lastPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      const keeper = isRepeatable(error, request) ? findKeeper(dirname(request.socketPath)) : undefined;
      if (keeper === undefined) throw error;
      deadlineMs ??= performance.now() + reconnectMs;
      if (performance.now() > deadlineMs) throw stillAway(keeper, error);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    request.signal?.throwIfAborted();
  }
}

function isRepeatable(error: unknown, { method }: Request): boolean {
  if (!isDisconnected(error)) return false;
  return method === "GET" || (error as LaresError).code === "no_supervisor";
}

function stillAway(keeper: number, cause: unknown): LaresError {
  const seconds = reconnectMs / 1000;
  return new LaresError("io", `Cannot reach the supervisor: its keeper (pid ${keeper}) is still starting it`, {
    hint: `Look into its \`supervisor.log\`: none has answered for ${seconds} s. Services run on meanwhile.`,
    cause,
  });
}
