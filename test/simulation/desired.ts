import type { World } from "../../src/core/draft.ts";
import { newService } from "../../src/core/service.ts";

/** What is kept of a world beside the journal: what is to run, and what an operator stopped. */
export function desiredIn({ services }: World): World {
  const kept = [...services].filter(([, { leaving }]) => !leaving);
  return {
    ending: false,
    services: new Map(
      kept.map(([name, service]) => {
        const held = new Set(service.slots.flatMap(({ slot, held: isHeld }) => (isHeld ? [slot] : [])));
        const fresh = newService(service.spec, service);
        const slots = fresh.slots.map((slot) => (held.has(slot.slot) ? { ...slot, held: true } : slot));
        return [name, { ...fresh, dependents: service.dependents, slots }];
      }),
    ),
  };
}
