/** What unit tests of the command line share. */
import type { EventView, InstanceView } from "../protocol/api.ts";
import type { Terminal } from "./terminal.ts";

/** A terminal of a given size that remembers what was written. */
export function fakeTerminal(
  options: { columns?: number; rows?: number; live?: boolean } = {},
): Terminal & { text: string } {
  return {
    columns: options.columns ?? Number.POSITIVE_INFINITY,
    rows: options.rows ?? Number.POSITIVE_INFINITY,
    live: options.live ?? false,
    color: false,
    text: "",
    write(text) {
      this.text += text;
    },
    paint: (_style, text) => text,
  };
}

/** An instance that is up, but for what is given. */
export function instance(overrides: Partial<InstanceView> = {}): InstanceView {
  return {
    service: "api",
    slot: 0,
    state: "up",
    desired: "up",
    ready: true,
    healthy: null,
    pid: 4711,
    generation: 1,
    revision: 1,
    startedAt: "2026-11-22T07:00:00.000Z",
    uptimeMs: 51_234,
    restarts: 0,
    slow: false,
    exit: null,
    memoryBytes: 48_234_496,
    cpuPercent: 1.5,
    reason: null,
    statusText: null,
    ...overrides,
  };
}

/** An event with this number and type, and what else is given. */
export function event(seq: number, type: string, details: Partial<EventView> = {}): EventView {
  return { at: "2026-11-22T07:00:00.000Z", seq, type, ...details };
}
