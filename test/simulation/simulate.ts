import type { Command } from "../../src/core/commands.ts";
import type { World } from "../../src/core/draft.ts";
import { LaresError } from "../../src/core/errors.ts";
import { checkAtEnd } from "./check-end.ts";
import { checkIdle } from "./check-idle.ts";
import { applyAll, type Intent, randomCommand } from "./commands.ts";
import { desiredIn } from "./desired.ts";
import { type Faults, noFaults } from "./faults.ts";
import { Machine } from "./machine.ts";
import { Random } from "./random.ts";
import { randomServices } from "./services.ts";
import { type SimSupervisor, startSupervisor } from "./sim-supervisor.ts";
import { Died, Violation } from "./violation.ts";
import { Witness } from "./witness.ts";

/** What came of one seed. */
export interface Outcome {
  readonly seed: number;
  /** Calls of the supervisors: what a schedule is long in. */
  readonly calls: number;
  readonly deaths: number;
  /** The invariant that does not hold, as a sentence. */
  readonly violation?: string;
  readonly trace: readonly string[];
}

/** Within this everything has to come to rest when nothing new is done to it. */
const quiet = { firstMs: 500, stepMs: 5_000, steps: 40 } as const;
/** A loop that turns so often without the clock moving will not end. */
const turnsMax = 1000;

/** Runs one seeded schedule from the first command to rest. */
export function simulate(seed: number, faults: Faults = noFaults): Outcome {
  const run = new Simulation(seed, faults);
  try {
    run.all();
  } catch (error) {
    const { calls } = run.witness;
    const { stack = "" } = error as Error;
    const violation = error instanceof Violation ? error.message : `it threw ${stack}`;
    return { seed, calls, deaths: run.deaths, violation, trace: [...run.machine.trace, stack] };
  }
  return { seed, calls: run.witness.calls, deaths: run.deaths, trace: [] };
}

class Simulation {
  readonly machine: Machine;
  readonly witness: Witness;
  deaths = 0;
  readonly #faults: Faults;
  readonly #random: Random;
  readonly #intent: Intent;
  /** Commands to come, and the one that nobody has acknowledged yet. */
  readonly #commands: Command[] = [];
  #deathsLeft: number;
  /** What the file of the desired state says. */
  #desired: World = { services: new Map(), ending: false };
  #supervisor: SimSupervisor | undefined;

  constructor(seed: number, faults: Faults) {
    const random = new Random(seed);
    this.#random = random;
    this.#faults = faults;
    this.machine = new Machine({
      seed: seed ^ 0x5bd1e995,
      keepsStatus: random.chance(0.8),
      hasCgroups: random.chance(0.5),
      storeMessagesMax: 24,
    });
    this.witness = new Witness(this.machine, () => this.#supervisor?.interpreter.engine.world);
    this.#intent = { specs: new Map(randomServices(random).map((spec) => [spec.name, spec])), revision: 0 };
    this.#deathsLeft = random.pick([1, 1, 2, 2, 3, 4]);
  }

  all(): void {
    const { machine } = this;
    machine.beginChurn();
    this.#commands.push(applyAll(this.#intent));
    for (let left = this.#random.int(0, 3); left > 0; left -= 1) {
      this.#live(this.#random.int(0, 80));
      const command = randomCommand(this.#intent, this.#random);
      if (command) this.#commands.push(command);
    }
    this.#live(this.#random.int(0, 150));
    machine.isQuiet = true;
    this.#deathsLeft = 0;
    // What was begun before goes on for a while.
    this.#live(quiet.firstMs);
    for (let step = 0; step < quiet.steps && !this.#isAtRest(); step += 1) this.#live(quiet.stepMs);
    if (this.#supervisor) checkAtEnd(this.#supervisor, { machine, witness: this.witness, intent: this.#intent });
  }

  /** Lets so much time pass, however many supervisors it takes. */
  #live(forMs: number): void {
    const untilMs = this.machine.nowMs + forMs;
    for (;;) {
      try {
        this.#supervisor ??= this.#start();
        this.#obey(this.#supervisor);
        if (this.#pass(this.#supervisor, untilMs)) return;
      } catch (error) {
        if (!(error instanceof Died)) throw error;
      }
      if (this.#supervisor?.kernel.isDead) this.#bury();
    }
  }

  #isAtRest(): boolean {
    const services = [...(this.#supervisor?.interpreter.engine.world.services.values() ?? [])];
    return services.every(
      ({ rollout, slots }) =>
        !rollout &&
        slots.every(({ current, successor, retiring, rest, history }) => {
          const isWaiting = rest.state === "backoff" && !history.slow;
          return !successor && retiring.length === 0 && (current ? current.phase === "up" : !isWaiting);
        }),
    );
  }

  #start(): SimSupervisor {
    const { machine, witness } = this;
    const callsLeft =
      this.#deathsLeft > 0 ? this.#random.int(0, this.#random.pick([15, 40, 120])) : Number.MAX_SAFE_INTEGER;
    const supervisor = startSupervisor({ machine, witness, faults: this.#faults, callsLeft });
    // What dies while it recovers has to be seen as well.
    this.#supervisor = supervisor;
    machine.say(`supervisor ${supervisor.kernel.pid} begins`);
    try {
      supervisor.interpreter.recover({ world: this.#desired });
    } catch (error) {
      if (!(error instanceof LaresError)) throw error;
      // It ends in order to try again, as when there are no descriptors left.
      supervisor.kernel.kill();
    }
    // What is written to a file that cannot be written goes on all the same, also when it is the writer who is dead.
    if (supervisor.kernel.isDead) throw new Died();
    return supervisor;
  }

  #obey({ interpreter, kernel }: SimSupervisor): void {
    for (let command = this.#commands[0]; command; command = this.#commands[0]) {
      this.machine.say(`operator: ${describe(command)}`);
      this.witness.touched(["a", "b", "c"]);
      if (command.command === "apply")
        for (const change of command.changes) if (change.kind === "set") this.witness.defined(change.spec);
      interpreter.engine.dispatch(command);
      if (kernel.isDead) throw new Died();
      this.#desired = desiredIn(interpreter.engine.world);
      // Only now is it acknowledged: an operator who got no answer says it again.
      this.#commands.shift();
    }
  }

  /** Turns the supervisor's loop, and moves the clock when it has nothing to do. @returns whether the time is over */
  #pass(supervisor: SimSupervisor, untilMs: number): boolean {
    const { machine } = this;
    for (let turns = 0; turns < turnsMax; ) {
      if (supervisor.kernel.loop.turn()) {
        if (supervisor.kernel.isDead) return false;
        turns += 1;
        continue;
      }
      turns = 0;
      checkIdle(supervisor, machine);
      this.witness.touched(reloading(supervisor));
      if (this.#deathsLeft > 0 && this.#random.chance(0.01)) {
        supervisor.kernel.kill();
        return false;
      }
      if (machine.nowMs >= untilMs) return true;
      const nextMs = Math.min(machine.agenda.nextAtMs ?? untilMs, supervisor.kernel.loop.nextTimerMs ?? untilMs);
      machine.agenda.advanceTo(Math.min(untilMs, nextMs));
    }
    return machine.violated(`the supervisor's loop turned ${turnsMax} times`);
  }

  #bury(): void {
    const { machine } = this;
    this.deaths += 1;
    this.#deathsLeft -= 1;
    const pid = this.#supervisor?.kernel.pid;
    this.#supervisor = undefined;
    for (const process of machine.processes.all()) {
      if (process.parent === pid && pid !== undefined) throw new Error(`${process.pid} was not orphaned`);
    }
    machine.agenda.advanceTo(machine.nowMs + this.#random.pick([0, 1, 3, 20, 150]));
  }
}

/** A reload replaces and takes back for as long as it lasts. */
function* reloading({ interpreter }: SimSupervisor): Iterable<string> {
  for (const [name, { rollout }] of interpreter.engine.world.services) if (rollout) yield name;
}

function describe(command: Command): string {
  if (command.command === "apply")
    return `apply ${command.changes.map((change) => (change.kind === "set" ? `${change.spec.name} (${change.effect})` : `-${change.service}`)).join(", ")}`;
  const targets =
    "targets" in command
      ? command.targets.map(({ service, slot }) => `${service}${slot === undefined ? "" : `/${slot}`}`)
      : [];
  return `${command.command} ${targets.join(" ")}`;
}
