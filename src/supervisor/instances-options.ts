/** What carrying out effects on runs needs of its surroundings. */
import type { World } from "../core/draft.ts";
import type { RunFact, RunId } from "../core/effects.ts";
import type { ServiceSpec } from "../core/spec.ts";
import type { Holding, OutputStream } from "./holding.ts";
import type { RunResourcesOptions } from "./run-resources.ts";

/** What carrying out effects needs besides the kernel. */
export interface InstancesOptions extends RunResourcesOptions {
  readonly world: () => World;
  readonly report: (run: RunId, fact: RunFact) => void;
  readonly outputs: Outputs;
  readonly listeners: Listeners;
  readonly probes: Probes;
  /** Processes whose word counts for any instance: the supervisor and its keeper (`systemd-notify` speaks for its parent). */
  readonly trustedPids: () => readonly number[];
}

/** Where the output of instances goes. */
export interface Outputs {
  open(
    run: RunId,
    stream: {
      readonly name: "stdout" | "stderr";
      readonly fd: number;
      readonly spec: ServiceSpec;
      /** Nobody writes any more, and the descriptor is closed. */
      readonly onEnd: () => void;
    },
  ): OutputStream;
  /** Calls back, now or later, with lines that a run has written before this supervisor began to capture it. */
  past(run: RunId, onLine: (line: string) => void): void;
  /** The last lines of a run, oldest first. */
  tail(run: RunId): readonly string[];
}

/** The sockets that services listen on; they belong to slots, and outlive the runs. */
export interface Listeners {
  /** What a run is to be given, in the order of the spec. @throws LaresError when one cannot be opened */
  open(spec: ServiceSpec, run: RunId): readonly number[];
}

/** Asking a program from outside whether it works. Each answers at most once, and ends when told to. */
export interface Probes {
  untilReady(holding: Holding, spec: ServiceSpec, onReady: () => void): () => void;
  checkHealth(
    holding: Holding,
    spec: ServiceSpec,
    onAnswer: (answer: { ok: boolean; detail: string }) => void,
  ): () => void;
}
