import { dependentsOf, goalOf, mayBeginStop, outlookOf } from "./dependencies.ts";
import type { Effect } from "./effects.ts";
import { pursue, standBy } from "./pursuit.ts";
import { isServiceAtRest, liveSlots, type Service, type ServiceContext } from "./service.ts";

/** Everything the supervisor decides from. Never changed in place: a step answers with what is different. */
export interface World {
  readonly services: ReadonlyMap<string, Service>;
  /** The supervisor itself is to end once everything is down. */
  readonly ending: boolean;
}

export const emptyWorld: World = { services: new Map(), ending: false };

/** What a step changed, and what is to be done, in this order. */
export interface Step {
  /** By name; undefined for a service that is gone. */
  readonly changes: ReadonlyMap<string, Service | undefined>;
  readonly ending: boolean;
  readonly effects: readonly Effect[];
}

/** The world after a step. */
export function advanced(world: World, { changes, ending }: Pick<Step, "changes" | "ending">): World {
  const services = new Map(world.services);
  for (const [name, service] of changes) {
    if (service) services.set(name, service);
    else services.delete(name);
  }
  return { services, ending };
}

/** The changes of one step as they come together; it lives no longer than the step. */
export class Draft implements ServiceContext {
  readonly nowMs: number;
  readonly effects: Effect[] = [];
  ending: boolean;
  readonly #world: World;
  readonly #changes = new Map<string, Service | undefined>();
  readonly #unsettled = new Set<string>();
  /** Some service comes after others than it did. */
  #areLinksOld = false;
  /** What the neighbours were last told of. */
  readonly #announced = new Map<string, string>();

  constructor(world: World, nowMs: number) {
    this.#world = world;
    this.nowMs = nowMs;
    this.ending = world.ending;
  }

  get(name: string): Service | undefined {
    return this.#changes.has(name) ? this.#changes.get(name) : this.#world.services.get(name);
  }

  /** All services as they are now, in the order they came. */
  services(): readonly (readonly [string, Service])[] {
    const names = new Set([...this.#world.services.keys(), ...this.#changes.keys()]);
    return [...names].flatMap((name) => {
      const service = this.get(name);
      return service ? [[name, service] as const] : [];
    });
  }

  change(name: string, change: (service: Service) => Service): void {
    const before = this.get(name);
    if (before) this.put(name, change(before));
  }

  put(name: string, service: Service | undefined): void {
    const before = this.get(name);
    if (service === before) return;
    if (service?.spec.after !== before?.spec.after || service?.dependents !== before?.dependents)
      this.#areLinksOld = true;
    this.#changes.set(name, service);
    this.touch(name);
  }

  /** Looks at the service again even though nothing in it changed. */
  touch(name: string): void {
    this.#unsettled.add(name);
  }

  /**
   * Lets every touched service pursue its goal, and looks again at those that wait for one whose condition changed, until
   * nothing moves. Dependencies have no cycles, and a service that reached its goal stays as it is, so this ends.
   */
  settle(): void {
    this.#linkDependents();
    for (const name of this.#unsettled) {
      this.#unsettled.delete(name);
      const service = this.get(name);
      if (service) this.#pursue(name, service);
      this.#announce(name);
      this.#linkDependents();
    }
  }

  toStep(): Step {
    this.#steer();
    if (this.ending && this.#isAllAtRest()) this.effects.push({ do: "finish" });
    return { changes: this.#changes, ending: this.ending, effects: this.effects };
  }

  #pursue(name: string, service: Service): void {
    const goal = goalOf(service, this);
    if (goal.kind === "stop" && !mayBeginStop(service, this)) {
      this.put(name, standBy(service, this));
      return;
    }
    const after = pursue(service, goal, this);
    if (after.leaving && after.slots.length === 0) {
      this.put(name, undefined);
      this.effects.push({ do: "record", event: { type: "removed", service: name } });
    } else {
      this.put(name, after);
    }
  }

  #linkDependents(): void {
    if (!this.#areLinksOld) return;
    this.#areLinksOld = false;
    const all = new Map(this.services());
    const dependents = dependentsOf(all);
    for (const [name, service] of all) {
      const now = dependents.get(name) ?? [];
      if (String(service.dependents) !== String(now)) this.put(name, { ...service, dependents: now });
    }
  }

  /** Has those look again whose goals may depend on what this service shows, where that changed. */
  #announce(name: string): void {
    const last = this.#announced.get(name) ?? outlookOf(this.#world.services.get(name));
    const now = outlookOf(this.get(name));
    if (now === last) return;
    this.#announced.set(name, now);
    const dependents = this.#allDependents(name);
    for (const dependent of dependents) this.touch(dependent);
    for (const concerned of [name, ...dependents]) {
      for (const before of this.#latest(concerned)?.spec.after ?? []) this.touch(before);
    }
  }

  #allDependents(name: string): ReadonlySet<string> {
    const found = new Set(this.#latest(name)?.dependents);
    for (const one of found) for (const next of this.#latest(one)?.dependents ?? []) found.add(next);
    return found;
  }

  /** As it is, or as it was before this step took it away. */
  #latest(name: string): Service | undefined {
    return this.get(name) ?? this.#world.services.get(name);
  }

  /** Asked after every step while ending, so it stops at the first that is not. */
  #isAllAtRest(): boolean {
    for (const name of this.#world.services.keys()) {
      const service = this.get(name);
      if (service && !isServiceAtRest(service)) return false;
    }
    return true;
  }

  /** Says which slots may get connections, where they or those who accept there changed; before anything is stopped. */
  #steer(): void {
    for (const [name, service] of this.#changes) {
      if (!service || service.spec.listen.length === 0) continue;
      const before = this.#world.services.get(name);
      if (before?.slots === service.slots) continue;
      const live = liveSlots(service);
      const same = before && String([...liveSlots(before)]) === String([...live]);
      if (!same) this.effects.unshift({ do: "steer", service: name, live: [...live.keys()] });
    }
  }
}
