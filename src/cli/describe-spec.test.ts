import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceSpec } from "../protocol/api.ts";
import { renderSpec } from "./describe-spec.ts";

test("a configuration is shown as one row for each value, with units, and nothing for what is not set", () => {
  const spec = {
    name: "api",
    command: ["node", "my server.js", "it's"],
    env: { MODE: "x" },
    umask: 0o027,
    after: [],
    requires: ["db"],
    stop: { signal: "SIGTERM", graceMs: 10_000 },
    limits: { memoryBytes: 536_870_912, cpuPercent: 150 },
    register: false,
  } as unknown as ServiceSpec;
  assert.deepEqual(renderSpec(spec), [
    ["command", "node 'my server.js' 'it'\\''s'"],
    ["env.MODE", "x"],
    ["umask", "027"],
    ["requires", "db"],
    ["stop.signal", "SIGTERM"],
    ["stop.grace", "10s"],
    ["limits.memory", "512M"],
    ["limits.cpu", "150%"],
    ["register", "false"],
  ]);
});
