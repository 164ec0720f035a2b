import type { RunId } from "../../src/core/effects.ts";

export function runKey({ service, slot, generation }: RunId): string {
  return `${service}/${slot}#${generation}`;
}
