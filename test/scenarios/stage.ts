import { advanced, emptyWorld, type World } from "../../src/core/draft.ts";
import type { Effect, RunFact, RunId } from "../../src/core/effects.ts";
import { nextDeadline, step, type WorldEvent } from "../../src/core/world.ts";
import { renderEffect, renderSlot } from "./render.ts";

/** Which effects are answered by themselves, so that a dialogue can be about something else. */
export interface Automatic {
  /** Programs start, become ready and leave nothing behind. */
  spawn: boolean;
  /** Programs end when they are told to. */
  stop: boolean;
}

/** The core, with a scenario in the place of the supervisor, the kernel and the clock. */
export class Stage {
  readonly automatic: Automatic = { spawn: false, stop: false };
  nowMs = 0;
  world: World = emptyWorld;
  #lines: string[] = [];
  #pid = 100;
  #shown = new Map<string, string>();
  readonly #answers: WorldEvent[] = [];

  /** What was decided since it was last asked. */
  takeLines(): string[] {
    for (const line of this.#changedSlots()) this.#lines.push(line);
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  dispatch(event: WorldEvent): void {
    this.#step(event);
    for (let next = this.#answers.shift(); next; next = this.#answers.shift()) this.#step(next);
  }

  fact(run: RunId, fact: RunFact): void {
    this.dispatch({ type: "fact", run, fact });
  }

  process() {
    this.#pid += 1;
    return { pid: this.#pid, startTime: String(this.#pid) };
  }

  /** Lets time pass, and every deadline in it come at its exact moment. */
  passTime(ms: number): void {
    const until = this.nowMs + ms;
    for (let due = this.#nextDue(); due && due.atMs <= until; due = this.#nextDue()) {
      if (due.atMs > this.nowMs) {
        for (const line of this.#changedSlots()) this.#lines.push(line);
        this.nowMs = due.atMs;
        this.#lines.push(`at ${this.nowMs}`);
      }
      this.dispatch({ type: "tick", service: due.service });
    }
    this.nowMs = until;
  }

  #nextDue(): { readonly service: string; readonly atMs: number } | undefined {
    const deadlines = [...this.world.services].flatMap(([service, one]) => {
      const atMs = nextDeadline(one);
      return atMs === undefined ? [] : [{ service, atMs }];
    });
    return deadlines.sort((a, b) => a.atMs - b.atMs)[0];
  }

  #step(event: WorldEvent): void {
    const decided = step(this.world, event, this.nowMs);
    this.world = advanced(this.world, decided);
    for (const effect of decided.effects) {
      const isQuiet = this.#answer(effect);
      if (!isQuiet) this.#lines.push(renderEffect(effect));
    }
  }

  /** @returns whether the effect was answered, and is not worth a line. */
  #answer(effect: Effect): boolean {
    if (!("run" in effect)) return effect.do === "record" && this.automatic.spawn && effect.event.type === "spawned";
    const answer = (fact: RunFact) => this.#answers.push({ type: "fact", run: effect.run, fact });
    const { spawn, stop } = this.automatic;
    if (spawn && effect.do === "spawn") answer({ type: "spawned", process: this.process() });
    if (spawn && effect.do === "await_ready") answer({ type: "became_ready" });
    if (spawn && effect.do === "clear") answer({ type: "cleared" });
    if (stop && effect.do === "signal") {
      answer({ type: "signalled" });
      answer({ type: "exited", exit: { code: null, signal: effect.signal, status: "known" } });
    }
    return spawn && (effect.do === "await_ready" || effect.do === "clear" || effect.do === "release");
  }

  #changedSlots(): string[] {
    const now = new Map<string, string>(
      [...this.world.services].flatMap(([name, service]) =>
        service.slots.map((slot) => [`${name}/${slot.slot}`, renderSlot(service, slot)] as const),
      ),
    );
    const changed = [...now].filter(([key, line]) => this.#shown.get(key) !== line).map(([, line]) => line);
    const gone = [...this.#shown.keys()].filter((key) => !now.has(key)).map((key) => `= ${key} gone`);
    this.#shown = now;
    return [...changed, ...gone];
  }
}
