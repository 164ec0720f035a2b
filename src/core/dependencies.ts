import {
  type Goal,
  hasServiceFailed,
  isServiceAtRest,
  isServiceHeld,
  isServiceReady,
  type Service,
  wantedSlots,
} from "./service.ts";
import { isReady } from "./slot.ts";

/** What dependency decisions look at: the services by name, and whether everything is to end. */
export interface Surroundings {
  readonly ending: boolean;
  get(name: string): Service | undefined;
}

/**
 * What a service may do now.
 *
 * `after` is order only: it waits for those that are on their way, and for no others. `requires` ties lives: the service
 * stops when one of them is stopped or has failed, and comes back with it. A service that runs is never disturbed by the
 * recovery of another.
 */
export function goalOf(service: Service, around: Surroundings): Goal {
  const stops: Stops = new Map();
  const stop = stopOf(service, around, stops);
  if (stop) return stop;
  const awaited = service.spec.after.filter((name) => isAwaited(around.get(name), around, stops));
  return awaited.length > 0 ? { kind: "wait", reason: `waiting for ${awaited.join(", ")}` } : { kind: "run" };
}

/** Which services have to stop, by name: each is looked at once, for ways through requirements multiply with their length. */
type Stops = Map<string, (Goal & { kind: "stop" }) | undefined>;

function stopOf(service: Service, around: Surroundings, stops: Stops): (Goal & { kind: "stop" }) | undefined {
  if (around.ending || service.leaving || service.desired === "down") return { kind: "stop" };
  const { name, requires } = service.spec;
  if (stops.has(name)) return stops.get(name);
  let found: (Goal & { kind: "stop" }) | undefined;
  for (const required of requires) {
    const missing = whyMissing(around.get(required), around, stops);
    if (missing) found ??= { kind: "stop", reason: `${required}, which it requires, ${missing}` };
  }
  stops.set(name, found);
  return found;
}

/** Why what requires this service cannot live; undefined while it can. */
function whyMissing(other: Service | undefined, around: Surroundings, stops: Stops): string | undefined {
  if (!other || other.leaving) return "was removed";
  if (hasServiceFailed(other)) return "has failed";
  const stop = stopOf(other, around, stops);
  if (stop) return stop.reason === undefined ? "is stopped" : "is held back";
  return isServiceHeld(other) ? "is stopped" : undefined;
}

/** Stops go in reverse order: first those that come after this service and are stopping too. */
export function mayBeginStop(service: Service, around: Surroundings): boolean {
  return service.dependents.every((name) => {
    const dependent = around.get(name);
    return !dependent || isServiceAtRest(dependent) || goalOf(dependent, around).kind !== "stop";
  });
}

function isAwaited(other: Service | undefined, around: Surroundings, stops: Stops): boolean {
  if (!other || other.spec.schedule || isServiceReady(other)) return false;
  return stopOf(other, around, stops) === undefined && isOnItsWay(other);
}

/** Not there yet, and going to be. An instance that failed or ended for good is waited for no more. */
function isOnItsWay(service: Service): boolean {
  return wantedSlots(service).some((slot) => {
    const { current, rest } = slot;
    const moves = current !== undefined || rest.state === "down" || rest.state === "backoff";
    return moves && (service.spec.kind === "task" || !isReady(slot));
  });
}

/** All that the goals of others depend on; while it is the same, none of them has to look again. */
export function outlookOf(service: Service | undefined): string {
  if (!service) return "gone";
  const { desired, leaving, spec } = service;
  const seen = [isServiceReady, hasServiceFailed, isServiceHeld, isServiceAtRest, isOnItsWay].map((sees) =>
    sees(service),
  );
  return [desired, leaving, spec.schedule !== undefined, ...seen, spec.requires, spec.after].join();
}

/** For each name, the services that have it in `after`. */
export function dependentsOf(services: ReadonlyMap<string, Service>): ReadonlyMap<string, readonly string[]> {
  const dependents = new Map<string, string[]>();
  for (const [name, { spec }] of services) {
    for (const before of spec.after) dependents.set(before, [...(dependents.get(before) ?? []), name]);
  }
  return dependents;
}
