import type { ServiceChange, Target } from "../core/commands.ts";
import type { World } from "../core/draft.ts";
import { LaresError } from "../core/errors.ts";
import { diffSpecs, effectOf } from "../core/plan.ts";
import type { Service } from "../core/service.ts";
import type { Slot } from "../core/slot.ts";
import type { ServiceSpec } from "../core/spec.ts";
import type { WorldEvent } from "../core/world.ts";
import type { ActionReply, ActionRequest, ApplyRequest, PlanStep } from "../protocol/api.ts";

/** What an `apply` would do, line by line. Only services of the same source are removed by their absence. */
export function planOf(
  world: World,
  { services, source }: Pick<ApplyRequest, "services" | "source">,
): readonly PlanStep[] {
  const named = new Set(services.map(({ name }) => name));
  const steps = services.map((spec) => planStep(world, spec));
  for (const [name, service] of world.services) {
    const removed = source !== null && service.source === source && !named.has(name) && !service.leaving;
    if (removed)
      steps.push({
        service: name,
        action: "remove",
        changes: diffSpecs(service.spec, undefined),
        effect: "stop",
        instances: 0,
      });
  }
  return steps;
}

function planStep(world: World, wanted: ServiceSpec): PlanStep {
  const before = world.services.get(wanted.name);
  const { spec } = withScale(before, wanted);
  const known = before && !before.leaving ? before.spec : undefined;
  const changes = diffSpecs(known, spec);
  const step = { service: spec.name, changes, instances: spec.instances };
  if (!known) return { ...step, action: "add", effect: "start" };
  if (changes.length === 0) return { ...step, action: "keep", effect: "none" };
  return { ...step, action: "change", effect: effectOf(changes, spec) };
}

/** A definition as it comes into force: an operator's `scale` holds until the file names another number than it did then. */
function withScale(
  before: Service | undefined,
  spec: ServiceSpec,
): { readonly spec: ServiceSpec; readonly scaledFrom?: number } {
  if (!before || before.leaving || before.scaledFrom !== spec.instances) return { spec };
  return { spec: { ...spec, instances: before.spec.instances }, scaledFrom: before.scaledFrom };
}

/** The command that carries out a plan. */
export function applyCommand(
  plan: readonly PlanStep[],
  request: ApplyRequest,
  { world, revision }: { readonly world: World; readonly revision: number },
): WorldEvent {
  const specs = new Map(request.services.map((spec) => [spec.name, withScale(world.services.get(spec.name), spec)]));
  const changes = plan.flatMap((step): readonly ServiceChange[] => {
    if (step.action === "keep") return [];
    if (step.action === "remove") return [{ kind: "remove", service: step.service }];
    const scaled = specs.get(step.service);
    const effect = step.effect === "start" || step.effect === "stop" ? "none" : step.effect;
    return scaled ? [{ kind: "set", ...scaled, source: request.source, effect }] : [];
  });
  return { type: "command", command: "apply", revision, changes };
}

/**
 * Finds what the operands of an action mean.
 *
 * @param request.targets `SERVICE`, `SERVICE/SLOT` or `all`
 * @throws LaresError `no_such_service` naming what there is
 */
function resolveTargets(
  world: World,
  { action, targets }: Pick<ActionRequest, "action" | "targets">,
): readonly Target[] {
  return targets.flatMap((target): readonly Target[] => {
    if (target === "all") return [...world.services.keys()].map((service) => ({ service }));
    if (world.services.has(target)) return [{ service: target }];
    const [, service = "", slot] = /^(.+)\/(\d+)$/.exec(target) ?? [];
    const known = world.services.get(service);
    if (known?.slots.some((one) => one.slot === Number(slot))) return [{ service, slot: Number(slot) }];
    throw new LaresError("no_such_service", `Cannot ${action} "${target}": ${describeKnown(world, known && service)}`, {
      hint: "Run `lares ls` to see what there is.",
    });
  });
}

function describeKnown({ services }: World, service: string | undefined): string {
  if (service !== undefined) {
    const slots = services.get(service)?.slots.map(({ slot }) => slot) ?? [];
    return `"${service}" has ${slots.length === 0 ? "no slots" : `slots ${slots.join(", ")}`}`;
  }
  const names = [...services.keys()].slice(0, 10);
  return names.length === 0
    ? "no service is known"
    : `the services are ${names.join(", ")}${services.size > 10 ? " …" : ""}`;
}

/** An action that concerns services, not the supervisor itself. */
type WorldRequest = ActionRequest & { readonly action: Exclude<ActionRequest["action"], "upgrade"> };

/** The command for an action. @throws LaresError `usage`, `no_such_service` */
export function actionCommand(world: World, request: WorldRequest, revision: number): WorldEvent {
  if (request.action === "down") return { type: "command", command: "end" };
  const targets = resolveTargets(world, request);
  switch (request.action) {
    case "signal":
      if (!request.signal) throw new LaresError("usage", "Cannot send a signal: none is named");
      return { type: "command", command: "signal", targets, signal: request.signal };
    case "scale":
      return scaleCommand(world, { targets, instances: request.instances, revision });
    case "delete":
    case "reload":
      return { type: "command", command: request.action, targets: targets.map(({ service }) => ({ service })) };
    default:
      return { type: "command", command: request.action, targets };
  }
}

const instancesMax = 10_000;

function scaleCommand(
  world: World,
  { targets, instances, revision }: { targets: readonly Target[]; instances: number | undefined; revision: number },
): WorldEvent {
  if (instances === undefined || !Number.isInteger(instances) || instances < 0 || instances > instancesMax) {
    throw new LaresError("usage", `Cannot scale to ${instances}: it is no whole number from 0 to ${instancesMax}`);
  }
  const changes = targets.flatMap(({ service }) => {
    const known = world.services.get(service);
    const set = { kind: "set", source: known?.source ?? null, effect: "scale" } as const;
    if (!known) return [];
    const scaledFrom = known.scaledFrom ?? known.spec.instances;
    return [{ ...set, spec: { ...known.spec, instances }, scaledFrom }];
  });
  return { type: "command", command: "apply", revision, changes };
}

/** The slots an accepted command concerns, and the generation each will have when it is done; asked after it was taken. */
export function concerned(world: World, command: WorldEvent): ActionReply["targets"] {
  const named =
    "targets" in command ? command.targets : "changes" in command ? command.changes.map(serviceOf) : allServices(world);
  return named.flatMap(({ service, slot }) => {
    const slots = world.services.get(service)?.slots ?? [];
    return slots
      .filter((one) => (slot ?? one.slot) === one.slot)
      .map((one) => ({ service, slot: one.slot, generation: comingGeneration(one) }));
  });
}

function comingGeneration({ current, again, wanted, generation }: Slot): number {
  const isComing = wanted && (again || !current);
  return isComing ? generation + 1 : generation;
}

function allServices({ services }: World): readonly Target[] {
  return [...services.keys()].map((service) => ({ service }));
}

function serviceOf(change: ServiceChange): Target {
  return { service: change.kind === "set" ? change.spec.name : change.service };
}
