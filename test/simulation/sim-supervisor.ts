import { EventLog } from "../../src/supervisor/event-log.ts";
import type { Outputs, Probes } from "../../src/supervisor/instances-options.ts";
import { Interpreter } from "../../src/supervisor/interpreter.ts";
import { Journal } from "../../src/supervisor/journal.ts";
import { probesOf } from "../../src/supervisor/probes.ts";
import type { Faults } from "./faults.ts";
import type { Machine } from "./machine.ts";
import { keeperPid } from "./processes.ts";
import { simEventFile, simJournalFile, simStoreSocket } from "./sim-files.ts";
import type { SimKernel } from "./sim-kernel.ts";
import { simOutputs } from "./sim-outputs.ts";
import type { Witness } from "./witness.ts";

/** So that the store and the journal are written anew within a short life. */
const small = { messagesMax: 6, rewriteBytes: 10_000 } as const;

export interface SupervisorContext {
  readonly machine: Machine;
  readonly witness: Witness;
  readonly faults: Faults;
  /** How many calls it lives for. */
  readonly callsLeft: number;
}

/** One life of the supervisor process: the real interpreter on the simulated machine. */
export interface SimSupervisor {
  readonly kernel: SimKernel;
  readonly interpreter: Interpreter;
  /** Descriptors that captures own. */
  readonly outputFds: ReadonlySet<number>;
}

export const homeId = "abcdef";
export const sharedNotifyPath = "/run/notify.sock";

export function startSupervisor({ machine, witness, faults, callsLeft }: SupervisorContext): SimSupervisor {
  const kernel = new faults.Kernel(machine, { witness, callsLeft });
  const outputs = simOutputs(machine, kernel);
  const interpreter = new Interpreter({
    kernel,
    store: new faults.Store(simStoreSocket(machine, { kernel, witness }), small),
    journal: new Journal(faults.journal(simJournalFile(machine, kernel)), { version: "1", boot: "boot" }, small),
    events: new EventLog(simEventFile(machine, kernel), {
      now: () => new Date(machine.nowMs),
      soon: (act) => void kernel.later(0, act),
    }),
    outputs,
    listeners: {
      open: () => [],
      adopt: () => {},
      steer: () => {},
      isWaitedFor: () => false,
      release: () => {},
      close: () => {},
    },
    isFallback: false,
    isListenerKey: () => false,
    probes: simProbes(machine, { kernel, witness, outputs }),
    homeId,
    version: "1",
    notifyDirectory: "/run/notify",
    sharedNotifyPath,
    ownEnvironment: {},
    userOf: () => undefined,
    registerPath: undefined,
    trustedPids: () => [kernel.pid, keeperPid],
    beyond: () => {},
  });
  return { kernel, interpreter, outputFds: outputs.fds };
}

/** Readiness as it is; questions over the network are answered by chance, well once it is quiet. */
function simProbes(
  machine: Machine,
  { kernel, witness, outputs }: { kernel: SimKernel; witness: Witness; outputs: Outputs },
): Probes {
  const ask = () => Promise.reject(new Error("nothing is asked over the network here"));
  const { untilReady } = probesOf({
    kernel,
    ask,
    isListening: () => false,
    pastLines: (run, onLine) => outputs.past(run, onLine),
  });
  return {
    untilReady,
    checkHealth({ process }, _spec, onAnswer) {
      const ok = machine.isQuiet || machine.random.chance(0.7);
      const life = witness.lifeAt(process?.pid);
      if (life && !ok) life.isSick = true;
      return kernel.later(machine.random.int(1, 20), () => onAnswer({ ok, detail: ok ? "well" : "ill" }));
    },
  };
}
