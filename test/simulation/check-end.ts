import { goalOf } from "../../src/core/dependencies.ts";
import type { Service } from "../../src/core/service.ts";
import { findRun, runsOf, type Slot } from "../../src/core/slot.ts";
import { parseInstanceTag } from "../../src/protocol/instance-tag.ts";
import type { Intent } from "./commands.ts";
import type { Machine } from "./machine.ts";
import { logPath } from "./sim-outputs.ts";
import type { SimSupervisor } from "./sim-supervisor.ts";
import type { Life, Witness } from "./witness.ts";

interface EndContext {
  readonly machine: Machine;
  readonly witness: Witness;
  readonly intent: Intent;
}

/** What holds once nothing was done to anybody for a long time. */
export function checkAtEnd(supervisor: SimSupervisor, { machine, witness, intent }: EndContext): void {
  const { world } = supervisor.interpreter.engine;
  const names = [...world.services.keys()].sort().join(" ");
  const wanted = [...intent.specs.keys()].sort().join(" ");
  if (names !== wanted) machine.violated(`the services are "${names}" and should be "${wanted}"`);
  for (const [name, service] of world.services) {
    const goal = goalOf(service, { ending: world.ending, get: (other) => world.services.get(other) });
    if (service.rollout) machine.violated(`${name}: a reload has not ended`);
    for (const slot of service.slots) checkSlot(slot, { name, service, goal: goal.kind, machine });
  }
  checkProcesses(supervisor, machine);
  for (const life of witness.lives) checkLines(life, machine);
  checkEvents(machine, witness);
}

function checkSlot(
  slot: Slot,
  { name, service, goal, machine }: { name: string; service: Service; goal: string; machine: Machine },
): void {
  const place = `${name}/${slot.slot}`;
  const { current, rest } = slot;
  if (slot.successor || slot.retiring.length > 0) machine.violated(`${place}: a handoff has not ended`);
  if (current && current.phase !== "up") machine.violated(`${place} is ${current.phase} at the end`);
  const isWanted = goal === "run" && !slot.held && slot.slot < service.spec.instances;
  if (!isWanted && goal !== "wait" && current) machine.violated(`${place} is up and should not be`);
  if (isWanted && !current && rest.state === "down") machine.violated(`${place} is down and should be up`);
  if (rest.state === "backoff" && rest.untilMs <= machine.nowMs) machine.violated(`${place} has missed its restart`);
}

/** Nobody is orphaned, nobody is thought to live who does not. */
function checkProcesses({ interpreter }: SimSupervisor, machine: Machine): void {
  const { services } = interpreter.engine.world;
  for (const process of machine.processes.all()) {
    if (process.state !== "running" || process.tag === undefined) continue;
    const tag = parseInstanceTag(process.tag);
    const slot = tag && services.get(tag.service)?.slots.find((one) => one.slot === tag.slot);
    const run = slot && tag && findRun(slot, tag.generation);
    if (!run || !("process" in run)) machine.violated(`${process.tag} is alive (${process.pid}) and nobody knows it`);
    else if (process.isMain && run.process.startTime !== process.startTime)
      machine.violated(`${process.tag} is thought to be another process`);
  }
  for (const service of services.values()) {
    for (const slot of service.slots) {
      for (const run of runsOf(slot)) {
        if (!("process" in run)) continue;
        const process = machine.processes.get(run.process.pid);
        if (process?.state !== "running" || process.startTime !== run.process.startTime)
          machine.violated(`${service.spec.name}/${slot.slot} is thought to live and does not`);
      }
    }
  }
}

/** Every line once, in the order it was written. */
function checkLines({ id, lines, run }: Life, machine: Machine): void {
  const captured = (machine.logs.get(logPath(run, "stdout")) ?? []).filter((line) => line.startsWith(`${id}:`));
  if (captured.join() !== lines.join())
    machine.violated(
      `${run.service}/${run.slot}#${run.generation} wrote ${lines.join()} and ${captured.join()} was kept`,
    );
}

/** Numbered without gaps, and what they say of ends is true. */
function checkEvents(machine: Machine, { lives }: Witness): void {
  const seqs: number[] = [];
  for (const line of machine.events.split("\n")) {
    const event = parse(line);
    if (!event) continue;
    seqs.push(event.seq);
    if (event.type === "exited") checkExit(event, { machine, lives });
  }
  for (const [index, seq] of seqs.entries()) {
    if (seq !== index + 1) machine.violated(`event ${index + 1} is numbered ${seq}`);
  }
}

interface EndEvent {
  readonly seq: number;
  readonly type: string;
  readonly service: string;
  readonly slot: number;
  readonly generation: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly status?: string;
}

function checkExit(event: EndEvent, { machine, lives }: { machine: Machine; lives: readonly Life[] }): void {
  const { service, slot, generation } = event;
  const ended = lives.filter(
    ({ run }) => run.service === service && run.slot === slot && run.generation === generation,
  );
  const isTrue = ended.some(
    ({ process: { exit } }) => exit && exit.code === event.code && exit.signal === event.signal,
  );
  const mayBeUnknown = !machine.options.keepsStatus || ended.some(({ wasParked }) => !wasParked);
  if (isTrue || (event.status === "unknown" && mayBeUnknown)) return;
  const exits = ended.map(({ process: { exit } }) => JSON.stringify(exit ?? "alive")).join(" ");
  machine.violated(
    `${service}/${slot}#${generation}: said to have ended with ${event.code ?? event.signal ?? event.status}, in truth ${exits}`,
  );
}

function parse(line: string): EndEvent | undefined {
  try {
    const event = JSON.parse(line);
    return typeof event?.seq === "number" ? event : undefined;
  } catch {
    return undefined;
  }
}
