import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../client/alive.ts";
import { isDisconnected } from "../client/errors.ts";
import { LaresError } from "../core/errors.ts";
import type { InstanceView, SupervisorView } from "../protocol/api.ts";
import type { Context } from "./command.ts";
import { nameOf } from "./instances.ts";
import type { Patience } from "./wait/finish.ts";
import { Progress } from "./wait/progress.ts";

const pollMs = 50;

/** The processes that a `down` has ended. */
export interface TakenDown {
  readonly pid: number;
  readonly keeperPid: number | null;
}

/**
 * Ends a supervisor and everything under it, and waits until neither it nor its keeper exists.
 *
 * @throws LaresError `timed_out` naming who does not stop.
 */
export async function takeDown(context: Context, { waits, timeoutMs }: Patience): Promise<TakenDown> {
  const deadlineMs = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
  const progress = new Progress(context.terminal);
  let supervisor = await ask(context);
  let instances: readonly InstanceView[] = [];
  while (waits && remains(supervisor)) {
    if (performance.now() > deadlineMs) throw timedOut(instances, timeoutMs ?? 0);
    await sleep(pollMs);
    try {
      const current = await context.client.supervisor();
      // One that was killed and came back does not know what it was asked: ask again.
      if (current.pid !== supervisor.pid) supervisor = await ask(context);
      instances = await context.client.instances({ usage: false });
      if (!context.json) progress.show(standingOf(instances));
    } catch (error) {
      if (!isDisconnected(error)) throw error;
    }
  }
  return { pid: supervisor.pid, keeperPid: supervisor.keeperPid };
}

async function ask({ client }: Context): Promise<SupervisorView> {
  const supervisor = await client.supervisor();
  await client.action({ action: "down", targets: [] });
  return supervisor;
}

function remains({ pid, keeperPid }: SupervisorView): boolean {
  return isAlive(pid) || (keeperPid !== null && isAlive(keeperPid));
}

function standingOf(instances: readonly InstanceView[]) {
  const verdicts = instances.map(({ service, slot }) => ({
    goal: { kind: "stopped", service, slot } as const,
    verdict: "pending" as const,
  }));
  return { verdicts, instances, reloads: [], unstartable: new Map<string, number>(), disconnected: false };
}

function timedOut(instances: readonly InstanceView[], timeoutMs: number): LaresError {
  const left = instances.filter(({ state }) => state === "stopping").map((it) => `${nameOf(it)} (pid ${it.pid})`);
  const state = left.length === 0 ? "the supervisor has not ended" : `${left.join(", ")} still stopping`;
  return new LaresError("timed_out", `Cannot wait for the end: after ${timeoutMs / 1000} s ${state}`, {
    hint: "It goes on without you: look at it with `lares ls`.",
  });
}
