import assert from "node:assert/strict";
import { advanced, emptyWorld, type World } from "../../src/core/draft.ts";
import type { Effect, RunFact, RunId } from "../../src/core/effects.ts";
import { nextDeadline, step, type WorldEvent } from "../../src/core/world.ts";
import { checkChange, checkEffect } from "./invariants.ts";
import { runKey } from "./run-key.ts";

/** What became of a program, as far as the core was told. */
export type Known = "spawning" | "alive" | "exited" | "gone";

/** Something the core waits for, and its edge has not answered yet. */
export interface Pending {
  readonly effect: Effect;
  /** What a well-behaved edge answers. */
  readonly answer: WorldEvent;
}

/** Plays the edge: it carries out effects when and as the test likes, and watches that each decision keeps the promises. */
export class Driver {
  world: World = emptyWorld;
  nowMs = 1_000_000;
  pending: Pending[] = [];
  /** Facts that were told already, to be told again. */
  readonly told: WorldEvent[] = [];
  readonly known = new Map<string, { readonly run: RunId; state: Known; stopSignals: number; signalled: boolean }>();
  /** By slot: when it was restarted automatically since it was last forgiven. */
  readonly restarts = new Map<string, number[]>();
  #pid = 0;

  dispatch(event: WorldEvent): void {
    if (event.type === "fact" && !this.#note(event.run, event.fact)) return;
    const before = this.world;
    const decided = step(before, event, this.nowMs);
    this.world = advanced(before, decided);
    for (const effect of decided.effects) this.#take(effect);
    for (const name of decided.changes.keys()) checkChange(this, before, name);
  }

  /** Answers one pending effect; `how` replaces what a well-behaved edge would say. */
  answer(index: number, how?: (usual: WorldEvent) => WorldEvent): void {
    const [pending] = this.pending.splice(index, 1);
    if (pending) this.tell(how ? how(pending.answer) : pending.answer);
  }

  tell(event: WorldEvent): void {
    if (event.type === "fact") this.told.push(event);
    this.dispatch(event);
  }

  fact(run: RunId, fact: RunFact): void {
    this.tell({ type: "fact", run, fact });
  }

  alive(): readonly RunId[] {
    return [...this.known.values()].filter(({ state }) => state === "alive").map(({ run }) => run);
  }

  /** The earliest deadline of all. */
  nextDue(): { readonly service: string; readonly atMs: number } | undefined {
    let first: { service: string; atMs: number } | undefined;
    for (const [service, one] of this.world.services) {
      const atMs = nextDeadline(one);
      if (atMs !== undefined && (!first || atMs < first.atMs)) first = { service, atMs };
    }
    return first;
  }

  /** Lets time pass; `late` jumps over the deadlines in between, as a supervisor that was held up does. */
  pass(ms: number, late: boolean): void {
    const until = this.nowMs + ms;
    if (late) this.nowMs = until;
    let ticks = 0;
    for (let due = this.nextDue(); due && due.atMs <= until; due = this.nextDue()) {
      ticks = due.atMs > this.nowMs ? 0 : ticks + 1;
      assert.ok(ticks < 100, `deadlines of ${due.service} come again and again at ${due.atMs}`);
      this.nowMs = Math.max(this.nowMs, due.atMs);
      this.dispatch({ type: "tick", service: due.service });
    }
    this.nowMs = until;
  }

  /** The supervisor dies and another takes over: what was asked of the old one is never answered. */
  replaceSupervisor(): void {
    this.pending = this.pending.filter(({ effect }) => effect.do === "spawn" || isFinal(effect));
    for (const { run, state } of [...this.known.values()]) {
      if (state === "alive" || state === "exited") this.dispatch({ type: "fact", run, fact: { type: "adopted" } });
    }
    for (const service of this.world.services.keys()) this.dispatch({ type: "tick", service });
  }

  process() {
    this.#pid += 1;
    return { pid: this.#pid, startTime: String(this.#pid) };
  }

  /** Keeps account of what the core is told. @returns false for what no edge could see. */
  #note(run: RunId, { type }: RunFact): boolean {
    const entry = this.known.get(runKey(run));
    if (!entry) return false;
    if (type === "spawned" && entry.state === "spawning") entry.state = "alive";
    if (type === "spawn_failed" && entry.state === "spawning") entry.state = "gone";
    if (type === "signalled" && entry.stopSignals > 0) entry.signalled = true;
    if (type === "exited" && entry.state === "alive") entry.state = "exited";
    return true;
  }

  #take(effect: Effect): void {
    checkEffect(this, effect);
    if (effect.do === "close_listeners") this.#forgetSlot(effect);
    if (effect.do === "plan_schedule") {
      const answer = { type: "schedule_planned", service: effect.service, dueMs: this.nowMs + 5000 } as const;
      this.pending.push({ effect, answer });
    }
    if (!("run" in effect) || effect.do === "run_hook") return;
    const { run } = effect;
    if (effect.do === "spawn")
      this.known.set(runKey(run), { run, state: "spawning", stopSignals: 0, signalled: false });
    if (effect.do === "release") this.known.set(runKey(run), { run, state: "gone", stopSignals: 0, signalled: false });
    if (effect.do === "signal") this.pending.push({ effect, answer: factOf(run, { type: "signalled" }) });
    const fact = this.#usualAnswer(effect);
    if (fact) this.pending.push({ effect, answer: factOf(run, fact) });
  }

  /** A slot that was scaled away and comes back counts its starts anew. */
  #forgetSlot({ service, slot }: { readonly service: string; readonly slot: number }): void {
    for (const [key, { run }] of this.known) if (run.service === service && run.slot === slot) this.known.delete(key);
  }

  #usualAnswer(effect: Effect): RunFact | undefined {
    switch (effect.do) {
      case "spawn":
        return { type: "spawned", process: this.process() };
      case "await_ready":
        return { type: "became_ready" };
      case "clear":
        return { type: "cleared" };
      case "check_health":
        return { type: "health_checked", ok: true, detail: "ok" };
      case "drain_listeners":
        return { type: "listeners_drained" };
      case "signal": {
        const ends = effect.signal === "SIGTERM" || effect.signal === "SIGKILL" || effect.signal === "SIGABRT";
        return ends ? { type: "exited", exit: { code: null, signal: effect.signal, status: "known" } } : undefined;
      }
      default:
        return undefined;
    }
  }
}

/** What the kernel has seen to the end, so that no death of a supervisor can undo it. */
function isFinal(effect: Effect): boolean {
  return effect.do === "signal" && effect.signal === "SIGKILL";
}

function factOf(run: RunId, fact: RunFact): WorldEvent {
  return { type: "fact", run, fact };
}
