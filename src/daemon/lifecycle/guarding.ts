/** What a daemon does when it uses up too much. */

import { type Breach, describeBreach, type Guard, type GuardOptions } from "../guard/guard.ts";
import type { Parts } from "./parts.ts";
import { fromConfig } from "./parts.ts";

export interface GuardConsequences {
  /** Replaces the process by a fresh one. */
  replace(): void;
  /** Ends the process, to be started again. */
  overLimit(breach: Breach, options: GuardOptions): void;
}

const defaultReplaceAfterMs = 60_000;

/** @returns the guard, or undefined when the program has no limits. */
export async function guardDaemon<Config>(
  parts: Parts<Config>,
  consequences: GuardConsequences,
): Promise<Guard | undefined> {
  const { definition, configuration, health, logger } = parts;
  const current = () => fromConfig<Config, GuardOptions>(definition.guard, configuration.current);
  const options = current();
  if (!options) return undefined;
  let waiting: NodeJS.Timeout | undefined;
  const { startGuard } = await import("../guard/guard.ts");
  const guard = startGuard(options, {
    onSoft: (breaches) => {
      const reason = breaches.map(describeBreach).join(", ");
      logger.log.warn({ breaches }, reason);
      health.shed(reason);
      const { replace = false, replaceAfterMs = defaultReplaceAfterMs } = current() ?? {};
      // A fresh process would need as much of the processor.
      const ofMemory = breaches.some(({ figure }) => figure === "memoryBytes" || figure === "heapBytes");
      if (!ofMemory || !replace) return;
      const act = () => replaceThis(parts, { reason, consequences });
      clearTimeout(waiting);
      waiting = setTimeout(act, Math.max(0, replaceAfterMs - process.uptime() * 1000)).unref();
    },
    onRelief: () => {
      clearTimeout(waiting);
      logger.log.info("resources are within their limits again");
      health.shed(undefined);
    },
    onHard: (breach) => consequences.overLimit(breach, current() ?? {}),
  });
  configuration.subscribe(() => guard.setLimits(current() ?? {}));
  return guard;
}

/** Under Lares it is the supervisor's to do: it starts a successor in this slot, and takes it back when that is no good. */
function replaceThis<Config>(
  parts: Parts<Config>,
  { reason, consequences }: { readonly reason: string; readonly consequences: GuardConsequences },
): void {
  if (process.env.LARES_SERVICE === undefined) consequences.replace();
  else parts.notifier.send({ replace: true, status: `asked to be replaced: ${reason}` });
}
