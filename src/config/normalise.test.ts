import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceSpec } from "../core/spec.ts";
import type { Problem } from "./diagnostic.ts";
import { normaliseService } from "./normalise.ts";
import type { ServiceInput } from "./schema.ts";

/** Some keys of a service in, some members of its definition out. */
type Case = readonly [title: string, input: Partial<ServiceInput>, expected: Partial<ServiceSpec>];

const timeoutMs = 30_000;
const tcp = (host: string, port: number) => ({ family: "tcp", host, port }) as const;

const commands: readonly Case[] = [
  ["splits a string", { command: "a 'b c'" }, { command: ["a", "b c"] }],
  ["takes a list as it is", { command: ["./a.py", "b c", ""] }, { command: ["./a.py", "b c", ""] }],
  ["runs a shell when asked", { command: "a | b", shell: true }, { command: ["/bin/sh", "-c", "a | b"] }],
  ...["js", "mjs", "cjs", "ts"].map((extension): Case => {
    return [
      `runs .${extension} by node`,
      { command: `a.${extension} b` },
      { command: ["node", `a.${extension}`, "b"] },
    ];
  }),
  ["runs .py by python3", { command: "./a.py" }, { command: ["python3", "./a.py"] }],
  ["runs .sh by sh", { command: "a.sh" }, { command: ["sh", "a.sh"] }],
  ["runs .php by php", { command: "a.php" }, { command: ["php", "a.php"] }],
  ["runs .rb by ruby", { command: "a.rb" }, { command: ["ruby", "a.rb"] }],
  ["runs .pl by perl", { command: "a.pl" }, { command: ["perl", "a.pl"] }],
  ["leaves arguments alone", { command: "ls a.py" }, { command: ["ls", "a.py"] }],
  ["takes another interpreter", { command: "a.py x", interpreter: "pypy3" }, { command: ["pypy3", "a.py", "x"] }],
  ["takes an interpreter for a list", { command: ["a"], interpreter: "bun" }, { command: ["bun", "a"] }],
  ["runs a script directly when asked", { command: "./a.py", interpreter: "none" }, { command: ["./a.py"] }],
];

const readiness: readonly Case[] = [
  ["is ready when started", {}, { ready: { by: "started", timeoutMs }, env: {}, register: false }],
  [
    "asks no Node program without listeners",
    { command: "node a" },
    { ready: { by: "started", timeoutMs }, register: true },
  ],
  [
    "asks a Node program with listeners through the preload",
    { command: "a.js", listen: { a: 1, b: 2 } },
    { ready: { by: "fd", fd: 5, timeoutMs }, env: { LARES_READY_FD: "5" }, register: true },
  ],
  [
    "keeps asking through the preload when only a timeout is written",
    { command: "a.js", listen: { a: 1 }, ready: { timeout: "1m" } },
    { ready: { by: "fd", fd: 4, timeoutMs: 60_000 }, env: { LARES_READY_FD: "4" } },
  ],
  [
    "does not ask when another way is written",
    { command: "a.js", listen: { a: 1 }, ready: "notify" },
    { ready: { by: "notify", timeoutMs }, env: {}, register: true },
  ],
  [
    "does not ask when the preload is declined",
    { command: "a.js", listen: { a: 1 }, register: false },
    { ready: { by: "started", timeoutMs }, env: {}, register: false },
  ],
  ["does not preload into a shell", { command: "node a", shell: true }, { register: false }],
  ["is ready by notify", { ready: "notify" }, { ready: { by: "notify", timeoutMs } }],
  [
    "is ready by notify in time",
    { ready: { notify: true, timeout: "1m" } },
    { ready: { by: "notify", timeoutMs: 60_000 } },
  ],
  ["is ready by fd", { ready: "fd:3" }, { ready: { by: "fd", fd: 3, timeoutMs } }],
  ["is ready by listening", { ready: "listening" }, { ready: { by: "listening", timeoutMs } }],
  ["is ready by http", { ready: { http: "http://a/" } }, { ready: { by: "http", url: "http://a/", timeoutMs } }],
  ["is ready by tcp", { ready: { tcp: "a:1" } }, { ready: { by: "tcp", address: "a:1", timeoutMs } }],
  [
    "is ready by exec",
    { ready: { exec: "a.sh b" } },
    { ready: { by: "exec", command: ["sh", "a.sh", "b"], timeoutMs } },
  ],
  ["is ready by log", { ready: { log: "up!" } }, { ready: { by: "log", pattern: "up!", timeoutMs } }],
  ["is ready by delay", { ready: { delay: "1s" } }, { ready: { by: "delay", delayMs: 1_000, timeoutMs } }],
];

const listeners: readonly Case[] = [
  [
    "keeps listeners in order",
    { listen: { b: 80, a: "[::1]:81", c: "unix:c.sock" } },
    {
      listen: [
        { name: "b", address: tcp("0.0.0.0", 80), backlog: 511 },
        { name: "a", address: tcp("::1", 81), backlog: 511 },
        { name: "c", address: { family: "unix", path: "/srv/c.sock" }, backlog: 511 },
      ],
    },
  ],
  [
    "takes a listener's options",
    { listen: { a: { address: "unix:/a", backlog: 9, mode: "660", owner: "www", group: 33 } } },
    {
      listen: [
        {
          name: "a",
          address: { family: "unix", path: "/a" },
          backlog: 9,
          mode: 0o660,
          owner: { user: "www", group: "33" },
        },
      ],
    },
  ],
  ["shares one listener with one instance", { listen: { a: 80 } }, { balance: "shared" }],
  ["balances evenly over several", { listen: { a: 80 }, instances: 2 }, { balance: "even" }],
  ["shares a unix socket", { listen: { a: "unix:/a" }, instances: 2 }, { balance: "shared" }],
  ["balances as asked", { listen: { a: 80 }, instances: 2, balance: "shared" }, { balance: "shared" }],
];

const policies: readonly Case[] = [
  [
    "has the defaults of the reference",
    {},
    {
      kind: "service",
      directory: "/srv",
      instances: 1,
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
      reload: {
        style: "rolling",
        settleMs: 1_000,
        parallel: 1,
        timeoutMs: 300_000,
        onFailure: "revert",
        signal: "SIGHUP",
      },
      limits: {},
      log: {
        maxSizeBytes: 50 * 1024 ** 2,
        maxAgeMs: 7 * 86_400_000,
        keep: 20,
        totalBytes: 2 * 1024 ** 3,
        compress: "zstd",
        whenFull: "drop",
      },
      after: [],
      requires: [],
      on: {},
    },
  ],
  ["starts no task again", { kind: "task" }, { restart: { ...restartOf("never") } }],
  [
    "starts a failed task again when asked",
    { kind: "task", restart: { policy: "on-failure" } },
    { restart: restartOf("on-failure") },
  ],
  ["reads a schedule", { kind: "task", schedule: "0 3 * * *" }, { schedule: { cron: "0 3 * * *", overlap: false } }],
  [
    "reads a schedule's options",
    { kind: "task", schedule: { cron: "@daily", timezone: "UTC", overlap: true } },
    { schedule: { cron: "@daily", timezone: "UTC", overlap: true } },
  ],
  [
    "reads a health check",
    { health: { tcp: "a:1", failures: 5, then: "report" } },
    {
      health: {
        probe: { by: "tcp", address: "a:1" },
        ...{ initialDelayMs: 0, intervalMs: 5_000, timeoutMs: 2_000, failures: 5, successes: 1, then: "report" },
      },
    },
  ],
  ["reads a watchdog alone", { health: { watchdog: "30s" } }, { watchdogMs: 30_000 }],
  [
    "reads limits",
    { limits: { memory: "1G", memory_soft: "512M", cpu: "150%", pids: 9, files: 99, core: 0 } },
    {
      limits: {
        memoryBytes: 1024 ** 3,
        memorySoftBytes: 512 * 1024 ** 2,
        cpuPercent: 150,
        pids: 9,
        files: 99,
        coreBytes: 0,
      },
    },
  ],
  ["reads signals without SIG", { stop: { signal: "int" } }, { stop: { signal: "SIGINT", graceMs: 10_000 } }],
  ["has as many instances as cores", { instances: "max" }, { instances: 6 }],
  [
    "waits for what it requires",
    { after: ["a", "b"], requires: ["b", "c"] },
    { after: ["a", "b", "c"], requires: ["b", "c"] },
  ],
  ["resolves its directory", { directory: "../api" }, { directory: "/api" }],
  ["runs hooks", { on: { exit: "a.sh 'b c'", failed: ["x"] } }, { on: { exit: ["sh", "a.sh", "b c"], failed: ["x"] } }],
  ["takes users by name or number", { user: "www", group: 33 }, { user: "www", group: "33" }],
  ["reads an octal mask", { umask: "027", nice: -5 }, { umask: 0o27, nice: -5 }],
  [
    "passes variables as text",
    { env: { A: "a", B: 1, C: true } },
    { env: { A: "a", B: "1", C: "true", FROM_FILE: "1" } },
  ],
];

describe("a service", () => {
  for (const [title, input, expected] of [...commands, ...readiness, ...listeners, ...policies]) {
    it(title, () => {
      const { spec, problems } = normalise(input);
      assert.deepEqual(problems, []);
      const members = Object.keys(expected).map((key) => [key, spec[key as keyof ServiceSpec]]);
      assert.deepEqual(Object.fromEntries(members), expected);
    });
  }

  it("shortens the default timeout of a check to its interval", () => {
    assert.equal(normalise({ health: { tcp: "a:1", interval: "1s" } }).spec.health?.timeoutMs, 1_000);
  });

  it("has no key without a value, so that it is the same after JSON", () => {
    const { spec } = normalise({ health: { watchdog: "30s" }, listen: { a: 1 }, on: {} });
    assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
  });

  const warned: readonly (readonly [Partial<ServiceInput>, string])[] = [
    [{ env: { LISTEN_FDS: "1" } }, "Lares sets `LISTEN_FDS` itself, and this value may be replaced"],
    [{ register: true }, "`register` has no effect: the command is no Node program"],
    [{ balance: "even" }, "`balance: even` has no effect: nothing is listened on"],
    [{ balance: "even", listen: { a: "unix:/a" } }, "`balance: even` has no effect: unix sockets are shared"],
  ];
  for (const [input, message] of warned) {
    it(`is warned that ${message}`, () => {
      const [problem, ...others] = normalise(input).problems;
      assert.deepEqual([problem?.severity, problem?.message, others], ["warning", message, []]);
    });
  }
});

function restartOf(policy: ServiceSpec["restart"]["policy"]): ServiceSpec["restart"] {
  return { ...normalise({}).spec.restart, policy };
}

function normalise(input: Partial<ServiceInput>): { spec: ServiceSpec; problems: Problem[] } {
  const problems: Problem[] = [];
  const document = { file: "/srv/lares.yaml", text: "", value: {}, locate: () => undefined };
  const fileEnv: Record<string, string> = input.env?.A === undefined ? {} : { A: "from file", FROM_FILE: "1" };
  const context = { document, path: ["services", "web"], directory: "/srv", cores: 6, fileEnv, problems };
  return { spec: normaliseService("web", { command: "true", ...input }, context), problems };
}
