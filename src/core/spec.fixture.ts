import type { RunContext } from "./run.ts";
import type { ServiceSpec } from "./spec.ts";

/** A service for tests: ready once started, no jitter, a grace period of 5 s. */
export function specWith(changes: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name: "web",
    kind: "service",
    command: ["app"],
    directory: "/",
    env: {},
    instances: 1,
    listen: [],
    balance: "shared",
    ready: { by: "started", timeoutMs: 30_000 },
    restart: {
      policy: "always",
      delayMs: 100,
      delayMaxMs: 1000,
      factor: 2,
      jitter: 0,
      stableAfterMs: 10_000,
      intensity: 3,
      periodMs: 60_000,
      then: "fail",
    },
    stop: { signal: "SIGTERM", graceMs: 5000 },
    reload: { style: "rolling", settleMs: 1000, parallel: 1, timeoutMs: 60_000, onFailure: "revert", signal: "SIGHUP" },
    limits: {},
    log: { maxSizeBytes: 1, maxAgeMs: 1, keep: 1, totalBytes: 1, compress: "none", whenFull: "drop" },
    after: [],
    requires: [],
    on: {},
    register: false,
    ...changes,
  };
}

/** What decisions about slot 0 are made from, at the moment 1000. */
/** One that takes connections. */
export const listening = specWith({
  listen: [{ name: "http", address: { family: "tcp", host: "127.0.0.1", port: 80 }, backlog: 8 }],
});

export function contextOf(spec: ServiceSpec = specWith(), nowMs = 1000): RunContext {
  return { spec, slot: 0, revision: 1, nowMs, effects: [] };
}
