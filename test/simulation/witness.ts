import { goalOf } from "../../src/core/dependencies.ts";
import type { World } from "../../src/core/draft.ts";
import { findRun, runsOf, type Slot } from "../../src/core/slot.ts";
import type { ServiceSpec } from "../../src/core/spec.ts";
import { type InstanceTag, parseInstanceTag } from "../../src/protocol/instance-tag.ts";
import type { Launch } from "../../src/supervisor/kernel.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./processes.ts";

/** What really became of one main process, as against what the supervisor thinks. */
export interface Life {
  readonly id: number;
  readonly run: InstanceTag;
  readonly process: Process;
  readonly spec: ServiceSpec;
  readonly startedAtMs: number;
  /** It is part of a reload, which may take it back, or of a service that is to stop once others have. */
  readonly isPassing: boolean;
  /** When it said that it was ready. */
  readyAtMs?: number;
  /** It gave a bad answer, or stopped to ping its watchdog: whoever ends it is right. */
  isSick?: boolean;
  /** Its pidfd was parked: from then on its end cannot be missed. */
  wasParked?: boolean;
  /** When it was first told to stop. */
  toldAtMs?: number;
  /** Numbered lines in the order they were written. */
  readonly lines: string[];
}

/** So much time may pass within one step of the supervisor, between its decision and what it does. */
const slowMs = 20;

/** Sees everything that happens on the machine, and objects as soon as something does that never should. */
export class Witness {
  readonly lives: Life[] = [];
  /** Calls of all supervisors so far: the length of a schedule. */
  calls = 0;
  readonly #machine: Machine;
  readonly #world: () => World | undefined;
  /** By service: the shortest grace it was ever given. */
  readonly #gracesMs = new Map<string, number>();
  /** By service: when an operator last touched it. */
  readonly #touchedAtMs = new Map<string, number>();

  constructor(machine: Machine, world: () => World | undefined) {
    this.#machine = machine;
    this.#world = world;
  }

  /** An operator's command may change what these services do. */
  touched(services: Iterable<string>): void {
    for (const name of services) this.#touchedAtMs.set(name, this.#machine.nowMs);
  }

  wasTouchedSince(service: string, sinceMs: number): boolean {
    return (this.#touchedAtMs.get(service) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  /** A definition that an operator has sent. */
  defined({ name, stop }: ServiceSpec): void {
    this.#gracesMs.set(name, Math.min(stop.graceMs, this.#gracesMs.get(name) ?? stop.graceMs));
  }

  lifeAt(pid: number | undefined): Life | undefined {
    return this.lives.findLast(({ process }) => process.pid === pid);
  }

  parked(process: Process): void {
    const life = this.lives.find((one) => one.process === process);
    if (life) life.wasParked = true;
  }

  lifeOf(process: Process): Life {
    return this.lives.find((life) => life.process === process) ?? this.#machine.violated("a process without a life");
  }

  /** The one life that a slot has at most, but for a handoff; and nothing left of what went before. */
  spawned(process: Process, { spec }: Launch): void {
    const machine: Machine = this.#machine;
    const run = parseInstanceTag(process.tag ?? "");
    if (!run) machine.violated(`process ${process.pid} was started without a tag`);
    const slot = this.#slotOf(run);
    if (!slot || !findRun(slot, run.generation)) machine.violated(`${process.tag} was started and is not known`);
    for (const other of machine.processes.all()) {
      if (other === process || other.state !== "running" || other.tag === undefined) continue;
      const its = parseInstanceTag(other.tag);
      if (!its || its.service !== run.service || its.slot !== run.slot) continue;
      if (its.generation === run.generation) machine.violated(`${process.tag} runs twice`);
      if (!slot || !mayRunBeside(slot, its.generation, run.generation))
        machine.violated(`${process.tag} was started while ${other.tag} is alive`);
    }
    this.#checkRestartLimit(run, spec);
    const id = this.lives.length;
    this.lives.push({ id, run, process, spec, startedAtMs: machine.nowMs, isPassing: this.#isPassing(run), lines: [] });
  }

  /** Signals go to runs that are to end, and to nobody else. */
  signalled(process: Process, signal: string): void {
    const machine: Machine = this.#machine;
    const run = parseInstanceTag(process.tag ?? "");
    if (!run) machine.violated(`${signal} was sent to process ${process.pid}, which is a stranger's`);
    if (signal === "SIGCONT" || signal === operatorSignal) return;
    const slot = this.#slotOf(run);
    const known = slot && findRun(slot, run.generation);
    if (!known) machine.violated(`${signal} was sent to ${process.tag}, which is not known`);
    if (known.phase !== "stopping" && known.phase !== "clearing")
      machine.violated(`${signal} was sent to ${process.tag}, which is ${known.phase}`);
    if (process.isMain) this.#checkStop(this.lifeOf(process), signal, known.phase);
  }

  #checkStop(life: Life, signal: string, phase: "stopping" | "clearing"): void {
    const machine: Machine = this.#machine;
    const { spec, process } = life;
    const nowMs = machine.nowMs;
    if (phase === "clearing") machine.violated(`${process.tag} is thought to have ended, and is alive`);
    const isFirst = life.toldAtMs === undefined;
    life.toldAtMs ??= nowMs;
    if (signal === "SIGKILL" && nowMs - life.toldAtMs < this.#shortestGraceMs(spec) - slowMs)
      machine.violated(`${process.tag} was killed ${nowMs - life.toldAtMs} ms after it was told to stop`);
    if (
      !isFirst ||
      life.isPassing ||
      life.isSick ||
      spec.requires.length > 0 ||
      this.wasTouchedSince(spec.name, life.startedAtMs)
    )
      return;
    const { by, timeoutMs } = spec.ready;
    const wasReady = by === "started" || by === "delay" || (life.readyAtMs ?? nowMs) < life.startedAtMs + timeoutMs;
    if (wasReady) machine.violated(`${process.tag} was told to stop by ${signal} and nobody had asked for it`);
  }

  /** More restarts in a period than the policy allows, each of which nobody asked for. */
  #checkRestartLimit(run: InstanceTag, spec: ServiceSpec): void {
    const { nowMs } = this.#machine;
    const { periodMs, intensity, then } = spec.restart;
    if (then === "slow" || this.wasTouchedSince(run.service, nowMs - periodMs)) return;
    const recent = this.lives.filter(
      ({ run: its, startedAtMs }) =>
        its.service === run.service && its.slot === run.slot && startedAtMs > nowMs - periodMs,
    );
    const generations = new Set(recent.map(({ run: its }) => its.generation)).add(run.generation);
    // The first of them may be the one that was restarted, and had begun within the period.
    if (generations.size > intensity + 1)
      this.#machine.violated(`${run.service}/${run.slot} was started ${generations.size} times within ${periodMs} ms`);
  }

  #isPassing({ service: name }: InstanceTag): boolean {
    const world = this.#world();
    const service = world?.services.get(name);
    if (!world || !service || service.rollout) return true;
    return goalOf(service, { ending: world.ending, get: (other) => world.services.get(other) }).kind === "stop";
  }

  /** The grace is that of the definition in force when it was told to stop, which may have been taken back since. */
  #shortestGraceMs({ name, stop }: ServiceSpec): number {
    return Math.min(stop.graceMs, this.#gracesMs.get(name) ?? stop.graceMs);
  }

  #slotOf({ service, slot }: InstanceTag): Slot | undefined {
    return this.#world()
      ?.services.get(service)
      ?.slots.find((one) => one.slot === slot);
  }
}

/** What an operator sends that ends nothing. */
export const operatorSignal = "SIGUSR1";

/** A successor beside the one it is to replace (which may have to be started again), or a new run beside one that has been replaced and drains. */
function mayRunBeside(slot: Slot, older: number, newer: number): boolean {
  const isRetiring = slot.retiring.some(({ generation }) => generation === older);
  const isKnown = runsOf(slot).some(({ generation }) => generation === older);
  const successor = slot.successor?.generation;
  return isRetiring || (isKnown && (successor === newer || successor === older));
}
