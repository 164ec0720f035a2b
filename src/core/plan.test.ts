import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { diffSpecs, effectOf, formatDuration, formatSize } from "./plan.ts";
import type { ServiceSpec } from "./spec.ts";

const base: ServiceSpec = {
  name: "web",
  kind: "service",
  command: ["node", "server.js"],
  directory: "/srv",
  env: { NODE_ENV: "production", API_TOKEN: "old" },
  instances: 2,
  listen: [{ name: "http", address: { family: "tcp", host: "::1", port: 80 }, backlog: 511 }],
  balance: "even",
  ready: { by: "fd", fd: 4, timeoutMs: 30_000 },
  restart: {
    policy: "always",
    delayMs: 100,
    delayMaxMs: 30_000,
    factor: 1.5,
    jitter: 0.1,
    stableAfterMs: 10_000,
    intensity: 10,
    periodMs: 60_000,
    then: "fail",
  },
  stop: { signal: "SIGTERM", graceMs: 10_000 },
  reload: { style: "rolling", settleMs: 1_000, parallel: 1, timeoutMs: 300_000, onFailure: "revert", signal: "SIGHUP" },
  limits: { memoryBytes: 536_870_912 },
  log: {
    maxSizeBytes: 52_428_800,
    maxAgeMs: 604_800_000,
    keep: 20,
    totalBytes: 2_147_483_648,
    compress: "zstd",
    whenFull: "drop",
  },
  after: [],
  requires: [],
  on: {},
  register: true,
};

const health = {
  probe: { by: "http", url: "http://a/" },
  initialDelayMs: 0,
  intervalMs: 5_000,
  timeoutMs: 2_000,
  failures: 3,
  successes: 1,
  then: "restart",
} as const;

/** What changes in the definition; the key, old and new as a user sees them; what running instances feel. */
type Row = readonly [change: Partial<ServiceSpec>, key: string, from: unknown, to: unknown, effect: string];

const rows: readonly Row[] = [
  [{ instances: 4 }, "instances", 2, 4, "scale"],
  [{ command: ["node", "b.js"] }, "command", ["node", "server.js"], ["node", "b.js"], "reload"],
  [{ directory: "/b" }, "directory", "/srv", "/b", "reload"],
  [{ env: { ...base.env, NODE_ENV: "test" } }, "env.NODE_ENV", "production", "test", "reload"],
  [{ env: { ...base.env, DEBUG: "1" } }, "env.DEBUG", null, "1", "reload"],
  [{ env: { ...base.env, API_TOKEN: "new" } }, "env.API_TOKEN", "[redacted]", "[redacted]", "reload"],
  [{ env: { ...base.env, DB_PASSWORD: "x" } }, "env.DB_PASSWORD", null, "[redacted]", "reload"],
  [{ user: "www" }, "user", null, "www", "reload"],
  [{ umask: 0o27 }, "umask", null, "027", "reload"],
  [{ nice: 5 }, "nice", null, 5, "reload"],
  [{ balance: "shared" }, "balance", "even", "shared", "reload"],
  [{ register: false }, "register", true, false, "reload"],
  [{ kind: "task" }, "kind", "service", "task", "reload"],
  [{ ready: { by: "notify", timeoutMs: 30_000 } }, "ready", "fd:4", "notify", "reload"],
  [{ ready: { by: "delay", delayMs: 1_000, timeoutMs: 30_000 } }, "ready", "fd:4", { delay: "1s" }, "reload"],
  [{ ready: { by: "log", pattern: "up", timeoutMs: 30_000 } }, "ready", "fd:4", { log: "up" }, "reload"],
  [{ ready: { by: "tcp", address: "a:1", timeoutMs: 30_000 } }, "ready", "fd:4", { tcp: "a:1" }, "reload"],
  [{ ready: { by: "exec", command: ["x"], timeoutMs: 30_000 } }, "ready", "fd:4", { exec: ["x"] }, "reload"],
  [{ ready: { ...base.ready, timeoutMs: 90_000 } }, "ready.timeout", "30s", "1m30s", "reload"],
  [
    { listen: [{ ...(base.listen[0] ?? assert.fail()), backlog: 9 }] },
    "listen.http",
    { address: "[::1]:80", backlog: 511 },
    { address: "[::1]:80", backlog: 9 },
    "reload",
  ],
  [{ limits: { memoryBytes: 2 ** 30 } }, "limits.memory", "512M", "1G", "none"],
  [{ limits: { ...base.limits, memorySoftBytes: 1_000 } }, "limits.memory_soft", null, "1000B", "none"],
  [{ limits: { ...base.limits, cpuPercent: 150 } }, "limits.cpu", null, "150%", "none"],
  [{ limits: { ...base.limits, pids: 9 } }, "limits.pids", null, 9, "none"],
  [{ limits: { ...base.limits, files: 99 } }, "limits.files", null, 99, "reload"],
  [{ limits: { ...base.limits, coreBytes: 0 } }, "limits.core", null, "0", "reload"],
  [{ restart: { ...base.restart, delayMaxMs: 60_000 } }, "restart.delay_max", "30s", "1m", "none"],
  [{ restart: { ...base.restart, factor: 2 } }, "restart.factor", 1.5, 2, "none"],
  [{ stop: { ...base.stop, graceMs: 30_000 } }, "stop.grace", "10s", "30s", "none"],
  [{ reload: { ...base.reload, onFailure: "keep" } }, "reload.on_failure", "revert", "keep", "none"],
  [{ log: { ...base.log, maxAgeMs: 86_400_000 } }, "log.max_age", "7d", "1d", "none"],
  [{ log: { ...base.log, rateBytes: 1_048_576 } }, "log.rate", null, "1M/s", "none"],
  [{ after: ["db"] }, "after", [], ["db"], "none"],
  [{ requires: ["db"] }, "requires", [], ["db"], "none"],
  [{ on: { exit: ["x"] } }, "on.exit", null, ["x"], "none"],
  [{ schedule: { cron: "@daily", overlap: false } }, "schedule", null, { cron: "@daily", overlap: false }, "none"],
  [{ watchdogMs: 30_000 }, "health.watchdog", null, "30s", "reload"],
];

describe("diffSpecs and effectOf", () => {
  for (const [change, key, from, to, effect] of rows) {
    it(`a changed ${key} from ${JSON.stringify(from)} needs ${effect}`, () => {
      const after = { ...base, ...change };
      const changes = diffSpecs(base, after);
      assert.deepEqual(changes, [{ key, from, to }]);
      assert.equal(effectOf(changes, after), effect);
    });
  }

  it("a new health check is shown in the words of the file, and needs nothing", () => {
    const changes = diffSpecs(base, { ...base, health });
    const shown = Object.fromEntries(changes.map(({ key, to }) => [key, to]));
    assert.deepEqual(shown, {
      "health.http": "http://a/",
      "health.initial_delay": "0s",
      "health.interval": "5s",
      "health.timeout": "2s",
      "health.failures": 3,
      "health.successes": 1,
      "health.then": "restart",
    });
    assert.equal(effectOf(changes, base), "none");
  });

  it("equal definitions differ in nothing, whatever the order of their keys", () => {
    const reversed = Object.fromEntries(Object.entries(base).toReversed()) as unknown as ServiceSpec;
    assert.deepEqual(diffSpecs(base, reversed), []);
    assert.equal(effectOf([], base), "none");
  });

  it("a new service comes from nothing, and a removed one goes to it", () => {
    assert.ok(diffSpecs(undefined, base).every((change) => change.from === null));
    assert.ok(diffSpecs(base, undefined).every((change) => change.to === null));
    assert.ok(
      diffSpecs(undefined, base).some((change) => change.key === "env.API_TOKEN" && change.to === "[redacted]"),
    );
    assert.ok(diffSpecs(base, undefined).some((change) => change.key === "command"));
  });

  it("without listeners or without a rolling reload, a new process means a restart", () => {
    const changes = diffSpecs(base, { ...base, command: ["b"] });
    assert.equal(effectOf(changes, { ...base, listen: [] }), "restart");
    assert.equal(effectOf(changes, { ...base, reload: { ...base.reload, style: "signal" } }), "restart");
  });

  it("of several changes the most felt decides", () => {
    const scaled = { ...base, instances: 3, after: ["db"] };
    assert.equal(effectOf(diffSpecs(base, scaled), scaled), "scale");
    const replaced = { ...scaled, command: ["b"] };
    assert.equal(effectOf(diffSpecs(base, replaced), replaced), "reload");
  });
});

describe("formatDuration and formatSize", () => {
  const durations: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [100, "100ms"],
    [1_500, "1s500ms"],
    [90_000, "1m30s"],
    [3_600_000, "1h"],
    [1_209_600_000, "14d"],
  ];
  for (const [ms, text] of durations) it(`${ms} ms are ${text}`, () => assert.equal(formatDuration(ms), text));

  const sizes: readonly (readonly [number, string])[] = [
    [0, "0"],
    [1_000, "1000B"],
    [1_024, "1K"],
    [67_108_864, "64M"],
    [2 ** 50, "1024T"],
  ];
  for (const [bytes, text] of sizes) it(`${bytes} bytes are ${text}`, () => assert.equal(formatSize(bytes), text));
});
