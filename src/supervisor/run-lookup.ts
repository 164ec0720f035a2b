/** What the world knows of a run. */
import type { World } from "../core/draft.ts";
import type { RunId } from "../core/effects.ts";
import type { Run } from "../core/run.ts";
import { findRun } from "../core/slot.ts";
import type { ServiceSpec } from "../core/spec.ts";

/** The definition a run was started from, as long as it exists. */
export function specOf(world: World, run: RunId): ServiceSpec | undefined {
  return knownRun(world, run) && world.services.get(run.service)?.spec;
}

/** It was told to stop before its turn to be started came. */
export function isStopped(world: World, run: RunId): boolean {
  const known = knownRun(world, run);
  return known?.phase === "spawning" && known.stop !== undefined;
}

function knownRun({ services }: World, { service, slot, generation }: RunId): Run | undefined {
  const place = services.get(service)?.slots.find((one) => one.slot === slot);
  return place && findRun(place, generation);
}
