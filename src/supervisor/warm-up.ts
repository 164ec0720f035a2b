import type { RunFact } from "../core/effects.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { Engine } from "./engine.ts";
import { Journal } from "./journal.ts";

/** Often enough for V8 to have compiled what a crash goes through. */
const rounds = 50;

/**
 * Goes through crashes that never happened, in a world of its own.
 *
 * V8 compiles a function when it is first called. The first real crash would pay some milliseconds for that, while a
 * service is down; a supervisor that has just started has the time.
 */
export function warmUp(version: string): void {
  const engine = new Engine({
    journal: new Journal({ read: () => "", append: () => {}, replace: () => {} }, { version, boot: "none" }),
    events: {
      stamp: (events) => events.map((event) => ({ at: "", seq: 0, ...event })),
      publish: () => {},
      unwritten: [],
    },
    clock: { nowMs: () => 0 },
    perform: () => {},
    wakeAt: () => {},
  });
  engine.dispatch({
    type: "command",
    command: "apply",
    revision: 1,
    changes: [{ kind: "set", spec, source: null, effect: "none" }],
  });
  for (let generation = 1; generation <= rounds; generation += 1) {
    for (const fact of lifeOfACrash)
      engine.dispatch({ type: "fact", run: { service: spec.name, slot: 0, generation }, fact });
  }
}

const lifeOfACrash: readonly RunFact[] = [
  { type: "spawned", process: { pid: 1, startTime: "1" } },
  { type: "exited", exit: { code: null, signal: "SIGKILL", status: "known" } },
  { type: "cleared" },
];

/** Stable at once and restarted without limit. */
const spec: ServiceSpec = {
  name: "warm-up",
  kind: "service",
  command: ["true"],
  directory: "/",
  env: {},
  instances: 1,
  listen: [],
  balance: "shared",
  ready: { by: "started", timeoutMs: 1000 },
  restart: {
    policy: "always",
    delayMs: 0,
    delayMaxMs: 0,
    factor: 1,
    jitter: 0,
    stableAfterMs: 0,
    intensity: rounds + 1,
    periodMs: 1,
    then: "fail",
  },
  stop: { signal: "SIGTERM", graceMs: 1000 },
  reload: { style: "restart", settleMs: 0, parallel: 1, timeoutMs: 1000, onFailure: "keep", signal: "SIGHUP" },
  limits: {},
  log: { maxSizeBytes: 1, maxAgeMs: 1, keep: 1, totalBytes: 1, compress: "none", whenFull: "drop" },
  after: [],
  requires: [],
  on: {},
  register: false,
};
