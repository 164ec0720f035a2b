import type { ServiceSpec } from "../../src/core/spec.ts";
import { hopeless } from "./programs.ts";
import type { Random } from "./random.ts";

/** Some services, the later of which may come after the earlier. */
export function randomServices(random: Random): readonly ServiceSpec[] {
  const count = random.pick([1, 1, 1, 1, 2, 2, 3]);
  const specs: ServiceSpec[] = [];
  for (let index = 0; index < count; index += 1) specs.push(randomService(random, specs));
  return specs;
}

/** Another definition of the same service, as somebody edits it. */
export function editedService(spec: ServiceSpec, random: Random): ServiceSpec {
  if (random.chance(0.3)) return { ...spec, instances: random.int(0, 3) };
  if (random.chance(0.3)) return { ...spec, stop: { ...spec.stop, graceMs: random.int(20, 150) } };
  return { ...spec, env: { VERSION: String(random.int(1, 99)) } };
}

function randomService(random: Random, earlier: readonly ServiceSpec[]): ServiceSpec {
  const names = earlier.map(({ name }) => name);
  const after = names.filter(() => random.chance(0.4));
  const isTask = random.chance(0.12);
  const isHopeless = random.chance(0.15);
  return {
    name: "abc"[earlier.length] ?? "z",
    kind: isTask ? "task" : "service",
    command: isHopeless ? ["program", hopeless] : ["program"],
    directory: "/",
    env: {},
    instances: random.pick([1, 1, 1, 1, 2, 3]),
    listen: [],
    balance: "shared",
    ready: isTask ? { by: "started", timeoutMs: 1000 } : randomReadiness(random),
    // Pings for a minute would make a long schedule of a dull one.
    ...(random.chance(0.06) && { watchdogMs: random.int(60, 200), ready: { by: "notify", timeoutMs: 200 } }),
    ...(random.chance(0.15) && { health: randomHealth(random) }),
    restart: {
      policy: isTask ? "on-failure" : random.pick(["always", "always", "on-failure", "never"]),
      delayMs: random.int(1, 20),
      delayMaxMs: 200,
      factor: 2,
      jitter: 0.1,
      stableAfterMs: random.pick([20, 100, 10_000]),
      intensity: random.int(1, 6),
      // Long enough for the limit to be reached, or what is hopeless would go on for ever.
      periodMs: isHopeless ? 90_000 : random.pick([200, 1000, 90_000]),
      then: random.chance(0.8) ? "fail" : "slow",
    },
    stop: { signal: "SIGTERM", graceMs: random.int(30, 150) },
    reload: {
      style: random.chance(0.7) ? "rolling" : "restart",
      settleMs: random.int(0, 30),
      parallel: random.int(1, 2),
      timeoutMs: random.pick([100, 1000, 5000]),
      onFailure: random.pick(["revert", "keep"]),
      signal: "SIGHUP",
    },
    limits: {},
    log: { maxSizeBytes: 1, maxAgeMs: 1, keep: 1, totalBytes: 1, compress: "none", whenFull: "block" },
    after,
    requires: after.filter(() => random.chance(0.3)),
    on: {},
    register: false,
  };
}

function randomReadiness(random: Random): ServiceSpec["ready"] {
  // The longest is beyond the minute that a supervisor sleeps at most.
  const timeoutMs = random.pick([25, 60, 60, 200, 70_000]);
  switch (random.int(0, 4)) {
    case 0:
      return { by: "started", timeoutMs };
    case 1:
      return { by: "delay", delayMs: random.int(0, 40), timeoutMs };
    case 2:
      return { by: "fd", fd: random.pick([3, 4]), timeoutMs };
    case 3:
      return { by: "log", pattern: "ready$", timeoutMs };
    default:
      return { by: "notify", timeoutMs };
  }
}

function randomHealth(random: Random): NonNullable<ServiceSpec["health"]> {
  return {
    probe: { by: "tcp", address: "127.0.0.1:1" },
    initialDelayMs: random.int(0, 20),
    intervalMs: 20_000,
    timeoutMs: 50,
    failures: 1,
    successes: 1,
    then: random.pick(["restart", "report"]),
  };
}
