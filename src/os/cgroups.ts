/** Control groups, version 2: every process of an instance in one place, to be counted, limited and killed together. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { LaresError } from "../core/errors.ts";
import { libc } from "./libc.ts";
import { cgroupOf } from "./processes.ts";

export { setLimits } from "./cgroup-limits.ts";

/** A directory below which groups may be created. */
export interface CgroupRoot {
  readonly path: string;
  /** What can be limited there, for example `memory`; empty where version 1 holds the controllers. */
  readonly controllers: readonly string[];
}

/**
 * Finds where this process may create groups: its own group if that was delegated to it (`Delegate=yes` of systemd),
 * else the top of the hierarchy if it is writable (root; a container's own hierarchy), else its own group if writable.
 */
export function findCgroupRoot(): CgroupRoot | undefined {
  const mount = cgroupMount();
  if (mount === undefined) return undefined;
  const own = join(mount, cgroupOf(process.pid) ?? "/");
  const candidates = isDelegated(own) ? [own, mount] : [mount, own];
  const path = candidates.find(isUsable);
  if (path === undefined) return undefined;
  return { path, controllers: words(join(path, "cgroup.controllers")) };
}

/** Usually /sys/fs/cgroup; /sys/fs/cgroup/unified beside version 1. The fields are described in proc_pid_mountinfo(5). */
function cgroupMount(): string | undefined {
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [mounted = "", source = ""] = line.split(" - ");
    if (source.startsWith("cgroup2 ")) return mounted.split(" ")[4];
  }
  return undefined;
}

/** systemd marks what it has delegated: for root since 233, for everybody to see since 251. */
function isDelegated(path: string): boolean {
  const value = Buffer.alloc(8);
  return ["trusted.delegate", "user.delegate"].some(
    (name) => libc.getxattr(path, name, value, value.length) === 1 && value.toString("latin1", 0, 1) === "1",
  );
}

/** Moving a process in needs write access to `cgroup.procs` as well. */
function isUsable(path: string): boolean {
  try {
    for (const target of [path, join(path, "cgroup.procs")]) accessSync(target, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Creates a group, and those above it; one that exists is left as it is. */
export function createGroup(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new LaresError("io", `Cannot create cgroup "${path}": ${reasonOf(cause)}`, { cause });
  }
}

/** Whether any process lives in the group or below it; zombies do not count. False when the group is gone. */
export function groupPopulated(path: string): boolean {
  return keyed(join(path, "cgroup.events"), "populated") === 1;
}

/** The pids in the group and below it. */
export function groupPids(path: string): number[] {
  const own = words(join(path, "cgroup.procs")).map(Number);
  return [...own, ...childGroups(path).flatMap(groupPids)];
}

/** How often the older way looks for processes that were forked while it killed. */
const KILL_ROUNDS = 20;

/** Kills everything in the group and below it, whatever sessions it has fled to. By `cgroup.kill` since Linux 5.14. */
export function killGroup(path: string): void {
  const file = join(path, "cgroup.kill");
  if (existsSync(file)) {
    writeFileSync(file, "1");
    return;
  }
  for (let round = 0; round < KILL_ROUNDS && groupPopulated(path); round++) {
    for (const pid of groupPids(path)) killIfThere(pid);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** Removes the group and those below it. Returns false while a process is left in one of them. */
export function removeGroup(path: string): boolean {
  if (!childGroups(path).every(removeGroup)) return false;
  try {
    rmdirSync(path);
    return true;
  } catch (cause) {
    const code = reasonOf(cause);
    if (code === "ENOENT") return true;
    if (code === "EBUSY") return false;
    throw new LaresError("io", `Cannot remove cgroup "${path}": ${code}`, { cause });
  }
}

/** What a group uses; a member is absent where its controller is not enabled. */
export interface GroupUsage {
  readonly memoryBytes?: number;
  readonly cpuMs?: number;
  readonly pids?: number;
}

/** Reads what the group and those below it use. */
export function groupUsage(path: string): GroupUsage {
  const memory = words(join(path, "memory.current"))[0];
  const cpuMicroseconds = keyed(join(path, "cpu.stat"), "usage_usec");
  const pids = words(join(path, "pids.current"))[0];
  return {
    ...(memory !== undefined && { memoryBytes: Number(memory) }),
    ...(cpuMicroseconds !== undefined && { cpuMs: cpuMicroseconds / 1000 }),
    ...(pids !== undefined && { pids: Number(pids) }),
  };
}

/** The value of a line `key value`. */
function keyed(file: string, key: string): number | undefined {
  const list = words(file);
  const at = list.indexOf(key);
  return at === -1 ? undefined : Number(list[at + 1]);
}

/** The words of a file; none when it is not there. */
function words(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

function childGroups(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
