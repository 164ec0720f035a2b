import { emptyWorld, type World } from "../core/draft.ts";
import type { Effect, Recorded } from "../core/effects.ts";
import { nextDeadline, step, type WorldEvent } from "../core/world.ts";
import { Deadlines } from "./deadlines.ts";
import type { EventLog } from "./event-log.ts";
import type { Journal } from "./journal.ts";
import { entryOf, recordedIn } from "./journal-codec.ts";

export interface EngineOptions {
  readonly journal: Journal;
  readonly events: Pick<EventLog, "stamp" | "publish" | "unwritten">;
  readonly clock: { nowMs(): number };
  /** Carries out one effect. What comes of it is dispatched, at once or later. */
  readonly perform: (effect: Effect) => void;
  /** The moment of the earliest deadline has changed. */
  readonly wakeAt: (atMs: number | undefined) => void;
  /** The journal cannot be written, or can be again. */
  readonly onJournal?: (works: boolean) => void;
}

/**
 * The one loop: a fact comes in, the core decides, the decision is written down, then it is carried out.
 *
 * Facts that come while an effect is carried out wait their turn, so every step sees a whole world.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #deadlines = new Deadlines();
  readonly #queue: WorldEvent[] = [];
  #services = new Map(emptyWorld.services);
  #ending = false;
  #running = false;
  #wakeAt: number | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  get world(): World {
    return { services: this.#services, ending: this.#ending };
  }

  /** Takes up a world that another supervisor left. */
  load(world: World): void {
    this.#services = new Map(world.services);
    this.#ending = world.ending;
    for (const [name, service] of world.services) this.#deadlines.set(name, nextDeadline(service));
    this.#rewriteJournal();
    this.#wake();
  }

  dispatch(event: WorldEvent): void {
    this.#queue.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.#step(next);
    } finally {
      this.#running = false;
    }
    this.#tidyJournal();
    this.#wake();
  }

  /** Records what the supervisor itself saw; the core has no part in it. */
  record(event: Recorded): void {
    const { journal, events } = this.#options;
    const stamped = events.stamp([event]);
    journal.append({ events: stamped });
    events.publish(stamped);
  }

  /** Tells services whose deadline has come. */
  tick(): void {
    // Woken early, it goes to sleep again until the same moment.
    this.#wakeAt = undefined;
    const now = this.#options.clock.nowMs();
    for (let name = this.#deadlines.takeDue(now); name !== undefined; name = this.#deadlines.takeDue(now)) {
      this.dispatch({ type: "tick", service: name });
    }
    this.#wake();
  }

  #step(event: WorldEvent): void {
    const { journal, events, clock, perform } = this.#options;
    const before = this.world;
    const decided = step(before, event, clock.nowMs());
    const stamped = events.stamp(recordedIn(decided.effects));
    if (!journal.append(entryOf(before, decided, stamped))) this.#options.onJournal?.(false);
    // In place: copying a map of thousands of services for each step would cost more than the step.
    for (const [name, service] of decided.changes) {
      if (service) this.#services.set(name, service);
      else this.#services.delete(name);
      this.#deadlines.set(name, service && nextDeadline(service));
    }
    if (event.type === "tick") this.#keepDeadline(event.service);
    this.#ending = decided.ending;
    events.publish(stamped);
    for (const effect of decided.effects) if (effect.do !== "record") perform(effect);
  }

  /** A tick that changed nothing still has to come again. */
  #keepDeadline(name: string): void {
    const service = this.#services.get(name);
    if (service) this.#deadlines.set(name, nextDeadline(service));
  }

  #tidyJournal(): void {
    if (this.#options.journal.wantsRewrite) this.#rewriteJournal();
  }

  /** Where there is no room for it, what is there stays as it is, and it is tried again after the next step. */
  #rewriteJournal(): void {
    const { journal, events, onJournal } = this.#options;
    const wasBehind = journal.isBehind;
    try {
      journal.rewrite(this.world, events.unwritten);
      if (wasBehind) onJournal?.(true);
    } catch {
      onJournal?.(false);
    }
  }

  #wake(): void {
    const at = this.#deadlines.next();
    if (at === this.#wakeAt) return;
    this.#wakeAt = at;
    this.#options.wakeAt(at);
  }
}
