/** What a daemon does when it uses up too much. */

import { type Breach, describeBreach, type Guard, type GuardOptions } from "../guard/guard.ts";
import type { Parts } from "./parts.ts";
import { fromConfig } from "./parts.ts";

export interface GuardConsequences {
  /** Replaces the process by a fresh one. */
  replace(): void;
  /** Ends the process, to be started again. */
  overLimit(breach: Breach): void;
}

/** @returns the guard, or undefined when the program has no limits. */
export async function guardDaemon<Config>(
  parts: Parts<Config>,
  consequences: GuardConsequences,
): Promise<Guard | undefined> {
  const { definition, configuration, health, logger } = parts;
  const current = () => fromConfig<Config, GuardOptions>(definition.guard, configuration.current);
  const options = current();
  if (!options) return undefined;
  const { startGuard } = await import("../guard/guard.ts");
  const guard = startGuard(options, {
    onSoft: (breaches) => {
      const reason = breaches.map(describeBreach).join(", ");
      logger.log.warn({ breaches }, reason);
      health.shed(reason);
      const ofMemory = breaches.some(({ figure }) => figure === "memoryBytes" || figure === "heapBytes");
      if (!ofMemory || !current()?.replace) return;
      if (process.env.LARES_SERVICE === undefined) consequences.replace();
      else parts.notifier.status(`asks to be replaced: ${reason}`);
    },
    onRelief: () => {
      logger.log.info("resources are within their limits again");
      health.shed(undefined);
    },
    onHard: (breach) => consequences.overLimit(breach),
  });
  configuration.subscribe(() => guard.setLimits(current() ?? {}));
  return guard;
}
