/** Limits of a control group; see the kernel's Documentation/admin-guide/cgroup-v2.rst. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a group may use. What is absent is unlimited. */
export interface GroupLimits {
  readonly memoryBytes?: number;
  readonly memorySoftBytes?: number;
  /** 150 is one and a half processors. */
  readonly cpuPercent?: number;
  readonly pids?: number;
}

/** A limit that was asked for and does not hold. */
export interface UnenforcedLimit {
  readonly limit: keyof GroupLimits;
  readonly reason: string;
}

const CPU_PERIOD_US = 100_000;

/** Controller, file, and how the value is written there. */
const files = {
  memoryBytes: { controller: "memory", file: "memory.max", encode: String },
  memorySoftBytes: { controller: "memory", file: "memory.high", encode: String },
  cpuPercent: {
    controller: "cpu",
    file: "cpu.max",
    encode: (percent: number) => `${Math.round((percent / 100) * CPU_PERIOD_US)} ${CPU_PERIOD_US}`,
  },
  pids: { controller: "pids", file: "pids.max", encode: String },
} satisfies Record<keyof GroupLimits, { controller: string; file: string; encode: (value: number) => string }>;

/**
 * Puts limits in force for a group and lifts those that are absent. Controllers are enabled from the top as needed.
 *
 * @returns the limits that could not be enforced, and why.
 */
export function setLimits(path: string, limits: GroupLimits): UnenforcedLimit[] {
  const unenforced: UnenforcedLimit[] = [];
  for (const limit of Object.keys(files) as (keyof GroupLimits)[]) {
    const { controller, file, encode } = files[limit];
    const value = limits[limit];
    const target = join(path, file);
    if (value === undefined && !existsSync(target)) continue;
    const reason = enable(controller, path) ?? write(target, value === undefined ? "max" : encode(value));
    if (reason !== undefined && value !== undefined) unenforced.push({ limit, reason });
  }
  return unenforced;
}

/** Makes a controller available in a group by enabling it in every group above. Returns why that is not possible. */
function enable(controller: string, path: string): string | undefined {
  if (controllersOf(path)?.includes(controller)) return undefined;
  const parent = dirname(path);
  if (controllersOf(parent) === undefined) {
    return `the ${controller} controller is not available to cgroup v2 at ${path}`;
  }
  return enable(controller, parent) ?? write(join(parent, "cgroup.subtree_control"), `+${controller}`);
}

/** Undefined outside the hierarchy. */
function controllersOf(path: string): string[] | undefined {
  try {
    return readFileSync(join(path, "cgroup.controllers"), "utf8").trim().split(" ");
  } catch {
    return undefined;
  }
}

function write(file: string, value: string): string | undefined {
  try {
    writeFileSync(file, value);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    return code === "EBUSY" ? `processes in ${dirname(file)} keep it from being divided (EBUSY)` : `${file}: ${code}`;
  }
}
