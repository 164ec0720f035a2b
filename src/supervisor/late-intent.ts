import type { Command, ServiceChange, Target } from "../core/commands.ts";
import type { World } from "../core/draft.ts";
import { diffSpecs, effectOf } from "../core/plan.ts";
import type { Service } from "../core/service.ts";

/**
 * What an operator asked for that a journal with missing lines does not know: the desired state was written after each
 * command, to another directory and often another disk.
 *
 * @param journalled the world as the journal has it
 * @param desired the world as it is to be
 * @returns commands that make the one the other
 */
export function lateIntent(journalled: World, desired: World): readonly Command[] {
  const removed = [...journalled.services.keys()].filter((name) => !desired.services.has(name));
  const set = [...desired.services.values()].flatMap((service) => changeTo(service, journalled));
  const changes = [...set, ...removed.map((service): ServiceChange => ({ kind: "remove", service }))];
  const revision = Math.max(0, ...[...desired.services.values()].map((service) => service.revision));
  const targets = (wanted: Service["desired"]) =>
    [...desired.services.values()].flatMap((service): Target[] => {
      const known = journalled.services.get(service.spec.name)?.desired ?? "up";
      return service.desired === wanted && known !== wanted ? [{ service: service.spec.name }] : [];
    });
  const commands: readonly (Command & { readonly targets: readonly Target[] })[] = [
    { type: "command", command: "stop", targets: targets("down") },
    { type: "command", command: "start", targets: targets("up") },
  ];
  return [
    ...(changes.length > 0 ? [{ type: "command", command: "apply", revision, changes } as const] : []),
    ...commands.filter((command) => command.targets.length > 0),
  ];
}

function changeTo({ spec, source }: Service, { services }: World): readonly ServiceChange[] {
  const changes = diffSpecs(services.get(spec.name)?.spec, spec);
  return changes.length > 0 ? [{ kind: "set", spec, source, effect: effectOf(changes, spec) }] : [];
}
