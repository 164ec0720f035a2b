import type { Process, RunId } from "../core/effects.ts";
import type { LogSpec, ServiceSpec } from "../core/spec.ts";
import type { Remains } from "./kernel.ts";

/** What a parked descriptor is for; the last part of its key. */
export const heldKinds = ["pidfd", "stdout", "stderr", "notify", "ready"] as const;
export type HeldKind = (typeof heldKinds)[number];

/** What the supervisor holds of one run while it lives. */
export interface Holding {
  readonly run: RunId;
  /** Value of `LARES_INSTANCE`. */
  readonly tag: string;
  readonly fds: Map<HeldKind, number>;
  readonly group: string | undefined;
  /** Another supervisor began it. */
  readonly isAdopted: boolean;
  process?: Process;
  /** Whose limits are in force. */
  spec?: ServiceSpec;
  /** Ends what was begun for this run, by name: watches, timers, probes. */
  readonly ongoing: Map<string, () => void>;
  stdout?: OutputStream;
  stderr?: OutputStream;
}

/** One captured stream. It owns its descriptor. */
export interface OutputStream {
  /** Takes what is in the pipe now, and calls back once: at once, or a little later after a flood. */
  drain(onDrained: () => void): void;
  /** Nobody writes any more: takes what is left and closes. */
  end(): void;
  watchLines(onLine: (line: string) => void): () => void;
  /** Takes new limits while it goes on. */
  setLimits(limits: LogSpec): void;
}

export function runKey({ service, slot, generation }: RunId): string {
  return `${service}/${slot}#${generation}`;
}

/** The key under which a run's descriptor is parked. */
export function parkKey(run: RunId, kind: HeldKind): string {
  return `${runKey(run)}:${kind}`;
}

export function parseParkKey(key: string): { readonly runKey: string; readonly kind: HeldKind } | undefined {
  const match = /^(?<run>.+#\d+):(?<kind>pidfd|stdout|stderr|notify|ready)$/s.exec(key);
  return match?.groups ? { runKey: match.groups.run ?? "", kind: match.groups.kind as HeldKind } : undefined;
}

/** By what the leftovers of a run are found. */
export function remainsOf({ process, tag, group }: Holding): Remains {
  return { pid: process?.pid ?? 0, startTime: process?.startTime, tag, group };
}

/** What is noted with a parked pidfd: the one thing that it does not tell of a process that is gone. */
export function noteOf({ pid, startTime }: Process): string {
  return `${pid} ${startTime}`;
}

export function processIn(note: string | undefined): Process | undefined {
  const [, pid, startTime] = /^(\d+) (\d+)$/.exec(note ?? "") ?? [];
  return pid && startTime ? { pid: Number(pid), startTime } : undefined;
}

export function parseRunKey(key: string): RunId | undefined {
  const [, service, slot, generation] = /^(.+)\/(\d+)#(\d+)$/s.exec(key) ?? [];
  return service === undefined ? undefined : { service, slot: Number(slot), generation: Number(generation) };
}

/** Ends one ongoing thing, if it is there. */
export function stopOngoing({ ongoing }: Holding, name: string): void {
  ongoing.get(name)?.();
  ongoing.delete(name);
}

/** Has both streams take what was written until now. */
export function drainAll({ stdout, stderr }: Holding, done: () => void): void {
  const drainStderr = () => (stderr ? stderr.drain(done) : done());
  if (stdout) stdout.drain(drainStderr);
  else drainStderr();
}
