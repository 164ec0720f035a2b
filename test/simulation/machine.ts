import { Agenda } from "./agenda.ts";
import type { Description } from "./descriptors.ts";
import { initPid, ProcessTable } from "./processes.ts";
import { Random } from "./random.ts";
import { Violation } from "./violation.ts";

/** How long a trace is kept. */
const traceMax = 400;

export interface MachineOptions {
  readonly seed: number;
  /** A kernel before 6.15 forgets how a process ended that somebody else reaped. */
  readonly keepsStatus: boolean;
  readonly hasCgroups: boolean;
  /** How many messages the store holds. */
  readonly storeMessagesMax: number;
}

/** A message in the store: the kernel holds its descriptors for as long as it is queued. */
export interface StoredMessage {
  readonly data: Buffer;
  readonly descriptions: readonly Description[];
}

/** Everything that outlives a supervisor: the clock, processes, files, and what is parked. */
export class Machine {
  readonly options: MachineOptions;
  readonly random: Random;
  readonly agenda = new Agenda();
  readonly processes: ProcessTable;
  readonly store: StoredMessage[] = [];
  /** Captured output, by run and stream. */
  readonly logs = new Map<string, string[]>();
  /** Sockets that are bound, by path. */
  readonly notifySockets = new Map<string, Description & { readonly kind: "notify" }>();
  /** What processes left when they were started. */
  readonly marks = new Set<string>();
  readonly trace: string[] = [];
  /** No more mischief: what is started from now on behaves, and nothing fails. */
  isQuiet = false;
  journal = "";
  events = "";

  constructor(options: MachineOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.processes = new ProcessTable(this.agenda, this.random);
  }

  get nowMs(): number {
    return this.agenda.nowMs;
  }

  say(sentence: string): void {
    if (this.trace.length >= traceMax) this.trace.shift();
    this.trace.push(`${String(this.nowMs).padStart(7)} ${sentence}`);
  }

  /** Others on this machine start and end programs, which uses up pids. */
  beginChurn(): void {
    const next = () => {
      if (this.isQuiet) return;
      const stranger = this.processes.start({ parent: initPid });
      const exit = { code: 0, signal: null };
      this.agenda.after(this.random.int(1, 40), () => this.processes.end(stranger, exit));
      this.agenda.after(this.random.int(2, 30), next);
    };
    this.agenda.after(this.random.int(0, 10), next);
  }

  /** Ends the run of this seed: what should never be is. */
  violated(sentence: string): never {
    this.say(`VIOLATION: ${sentence}`);
    throw new Violation(sentence);
  }
}
