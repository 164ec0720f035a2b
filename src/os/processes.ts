/** What /proc tells about processes. Everything answers undefined for a process that is gone. */
import { readdirSync, readFileSync } from "node:fs";
import { libc } from "./libc.ts";

/** The fields of `/proc/PID/stat` that are used here; see proc_pid_stat(5). */
export interface StatFields {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly cpuTicks: number;
  /** Clock ticks since boot, as written. With the boot id it tells two processes of one pid apart. */
  readonly startTime: string;
  readonly residentPages: number;
  /** As of wait(2). Undefined unless the process is a zombie that we may inspect. */
  readonly exitStatus: number | undefined;
}

/** Reads `/proc/PID/stat`. */
export function statFields(pid: number): StatFields | undefined {
  const text = readProc(`${pid}/stat`)?.toString("latin1");
  if (text === undefined) return undefined;
  // The second field is a name that may hold spaces and brackets. What follows the last bracket begins with field 3.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trimEnd()
    .split(" ");
  const field = (number: number) => fields[number - 3] ?? "";
  const state = field(3);
  return {
    state,
    parent: Number(field(4)),
    group: Number(field(5)),
    session: Number(field(6)),
    cpuTicks: Number(field(14)) + Number(field(15)),
    startTime: field(22),
    residentPages: Number(field(24)),
    exitStatus: state === "Z" && mayInspect(pid) ? Number(field(52)) : undefined,
  };
}

/** Field 52 is 0 for those who may not look: who is neither the same user nor has the right to ptrace others. */
function mayInspect(pid: number): boolean {
  const status = readProc(`${pid}/status`)?.toString("latin1") ?? "";
  const ids = /^Uid:\t(.*)\nGid:\t(.*)$/m.exec(status)?.slice(1);
  const own = [process.geteuid?.(), process.getegid?.()].map((id) => Array(4).fill(id).join("\t"));
  return ids?.join() === own.join() || readProc(`${pid}/io`) !== undefined;
}

/** When the process started, in clock ticks since boot. */
export function startTimeOf(pid: number): string | undefined {
  return statFields(pid)?.startTime;
}

/** Identifies this boot of the machine. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** The pid of the parent. */
export function parentOf(pid: number): number | undefined {
  return statFields(pid)?.parent;
}

/** The session the process belongs to. */
export function sessionOf(pid: number): number | undefined {
  return statFields(pid)?.session;
}

/** The process group the process belongs to. */
export function pgrpOf(pid: number): number | undefined {
  return statFields(pid)?.group;
}

/** Whether the process has ended and waits for its parent to take notice. False when it is gone. */
export function isZombie(pid: number): boolean {
  return statFields(pid)?.state === "Z";
}

/** The living and unreaped children of every thread of a process; empty when it is gone. */
export function childrenOf(pid: number): number[] {
  return listProc(`${pid}/task`)
    .flatMap((thread) => readProc(`${pid}/task/${thread}/children`)?.toString("latin1").split(" ") ?? [])
    .filter((child) => child !== "")
    .map(Number);
}

/** The environment the process was started with; what it changed since then is not seen. */
export function environmentOf(pid: number): Map<string, string> | undefined {
  const text = readProc(`${pid}/environ`)?.toString("utf8");
  if (text === undefined) return undefined;
  const variables = new Map<string, string>();
  for (const entry of text.split("\0")) {
    const equals = entry.indexOf("=");
    if (equals > 0) variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return variables;
}

/**
 * The pids of all processes started with `name=value` in their environment, as far as we may look.
 *
 * Limit: for some microseconds after `spawn` has returned, the kernel shows the environment of the new process empty.
 */
export function findTagged(name: string, value: string): number[] {
  const wanted = Buffer.from(`\0${name}=${value}\0`);
  return allPids().filter((pid) => {
    return Buffer.concat([Buffer.of(0), readProc(`${pid}/environ`) ?? Buffer.of()]).includes(wanted);
  });
}

/** Every process there is at this moment, as far as /proc shows it. */
export function allPids(): number[] {
  return listProc("")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** Memory and processor time of one process, from a single read (20 µs). */
export function usageOf(pid: number): { rssBytes: number; cpuMs: number } | undefined {
  const stat = statFields(pid);
  if (stat === undefined) return undefined;
  // Clock ticks are 10 ms on every architecture that Linux and Node share.
  return { rssBytes: stat.residentPages * pageBytes(), cpuMs: stat.cpuTicks * 10 };
}

let cachedPageBytes: number | undefined;

function pageBytes(): number {
  cachedPageBytes ??= libc.getpagesize();
  return cachedPageBytes;
}

/** The path of the process in the cgroup v2 hierarchy, beginning with a slash. */
export function cgroupOf(pid: number): string | undefined {
  const text = readProc(`${pid}/cgroup`)?.toString("utf8");
  return text === undefined ? undefined : /^0::(.*)$/m.exec(text)?.[1];
}

function readProc(path: string): Buffer | undefined {
  try {
    return readFileSync(`/proc/${path}`);
  } catch {
    return undefined;
  }
}

function listProc(path: string): string[] {
  try {
    return readdirSync(`/proc/${path}`);
  } catch {
    return [];
  }
}
