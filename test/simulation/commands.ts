import type { Command } from "../../src/core/commands.ts";
import { diffSpecs, effectOf } from "../../src/core/plan.ts";
import type { ServiceSpec } from "../../src/core/spec.ts";
import type { Random } from "./random.ts";
import { editedService } from "./services.ts";
import { operatorSignal } from "./witness.ts";

/** What an operator means to have: it tells what the end must look like. */
export interface Intent {
  specs: Map<string, ServiceSpec>;
  revision: number;
}

/** The first command: everything is to run. */
export function applyAll(intent: Intent): Command {
  intent.revision += 1;
  const changes = [...intent.specs.values()].map(
    (spec) => ({ kind: "set", spec, source: null, effect: "none" }) as const,
  );
  return { type: "command", command: "apply", revision: intent.revision, changes };
}

/** Something that an operator does; undefined when there is nothing to do it to. */
export function randomCommand(intent: Intent, random: Random): Command | undefined {
  const specs = [...intent.specs.values()];
  if (specs.length === 0) return undefined;
  const spec = random.pick(specs);
  const slot = random.chance(0.3) && spec.instances > 0 ? { slot: random.int(0, spec.instances - 1) } : {};
  const targets = [{ service: spec.name, ...slot }];
  switch (random.int(0, 11)) {
    case 0:
    case 1:
      return { type: "command", command: "stop", targets };
    case 2:
    case 3:
      return { type: "command", command: "start", targets };
    case 4:
    case 5:
      return { type: "command", command: "restart", targets };
    case 6:
    case 7:
      return { type: "command", command: "reload", targets: [{ service: spec.name }] };
    case 8:
      return { type: "command", command: "signal", targets, signal: operatorSignal };
    case 9:
      return random.chance(0.3) ? remove(intent, spec) : { type: "command", command: "reset", targets };
    default:
      return edit(intent, spec, random);
  }
}

function edit(intent: Intent, spec: ServiceSpec, random: Random): Command {
  const edited = editedService(spec, random);
  const effect = effectOf(diffSpecs(spec, edited), edited);
  intent.revision += 1;
  intent.specs.set(spec.name, edited);
  const change = { kind: "set", spec: edited, source: null, effect } as const;
  return { type: "command", command: "apply", revision: intent.revision, changes: [change] };
}

function remove(intent: Intent, { name }: ServiceSpec): Command {
  intent.specs.delete(name);
  return { type: "command", command: "delete", targets: [{ service: name }] };
}
