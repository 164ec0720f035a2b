/**
 * Captures the pipes it inherits from descriptor 3 on, one service each, and at the end tells what that took. Arguments:
 * directory, number of pipes, `held` to measure for how long the loop was held.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { LogSpec } from "../src/core/spec.ts";
import { Captures } from "../src/logs/captures.ts";
import type { StreamName } from "../src/logs/names.ts";

const [, , directory = "", count = "1", measure = ""] = process.argv;
const limits: LogSpec = {
  maxSizeBytes: 50 * 1024 * 1024,
  maxAgeMs: 1e12,
  keep: 1_000,
  totalBytes: 1e12,
  compress: "none",
  whenFull: "drop",
};

const captures = new Captures({ directory });
const startMs = performance.now();
const startCpu = process.cpuUsage();
const idleMb = process.memoryUsage.rss() / 1e6;
let running = Number(count);
const delay = monitorEventLoopDelay({ resolution: 2 });
// Not for quiet streams: it would be most of what they cost.
if (measure === "held") delay.enable();

for (let fd = 3; fd < 3 + running; fd += 1) {
  const instance = { service: `s${fd}`, slot: 0, stream: "stdout" as StreamName, generation: 1 };
  captures.capture({ fd, ...instance, limits, onEnd });
}
process.send?.("capturing");

function onEnd(): void {
  running -= 1;
  if (running > 0) return;
  const { user, system } = process.cpuUsage(startCpu);
  captures.close();
  process.send?.({
    seconds: (performance.now() - startMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
    grownMb: process.memoryUsage.rss() / 1e6 - idleMb,
    heldMs: delay.max / 1e6,
  });
  process.disconnect?.();
}
