import type { Draft } from "./draft.ts";
import type { RunId } from "./effects.ts";
import { replaceSlot } from "./rollout.ts";
import type { Service } from "./service.ts";

/** A run that serves asks for a fresh one in its place: before it is at the limit of its memory, for example. */
export function replace(draft: Draft, run: RunId): void {
  draft.change(run.service, (service) => {
    const current = service.slots.find(({ slot }) => slot === run.slot)?.current;
    // One that is being replaced or stopped already has what it asks for.
    if (current?.generation !== run.generation || current.phase !== "up" || service.desired !== "up") return service;
    if (isComing(service, run.slot)) return service;
    const cause = current.statusText ?? "it asked for it";
    draft.effects.push({ do: "record", event: { type: "replacement_requested", ...run, cause } });
    return replaceSlot(service, run.slot, draft);
  });
  draft.touch(run.service);
}

function isComing({ rollout }: Service, slot: number): boolean {
  return rollout !== undefined && (rollout.pending.includes(slot) || rollout.active.some((one) => one.slot === slot));
}
