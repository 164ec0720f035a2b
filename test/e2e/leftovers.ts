/** What a supervisor must not leave behind when it is taken down. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../src/client/alive.ts";
import { findCgroupRoot, killGroup } from "../../src/os/cgroups.ts";
import { allPids, environmentOf } from "../../src/os/processes.ts";
import type { HomeFiles } from "../../src/supervisor/home.ts";

/** What is killed takes a moment to be gone. */
const patienceMs = 20_000;

/** One sentence for each; empty when all is gone. */
export async function leftoversOf(files: HomeFiles, pids: Iterable<number>): Promise<readonly string[]> {
  const known = [...pids];
  for (const deadlineMs = performance.now() + patienceMs; ; await sleep(20)) {
    const left = look(files, known);
    if (left.length === 0 || performance.now() > deadlineMs) return left;
  }
}

/** Ends what a failed test left, by pid. */
export function endLeftovers(files: HomeFiles, pids: Iterable<number>): void {
  // The keeper would start another supervisor.
  for (const pid of [...pids].reverse()) killQuietly(pid);
  for (const pid of taggedOf(files)) killQuietly(pid);
  const group = cgroupOf(files);
  if (group !== undefined && existsSync(group)) killGroup(group);
}

/** The processes that carry a tag of this home. */
export function taggedOf({ id }: HomeFiles): readonly number[] {
  return allPids().filter((pid) => environmentOf(pid)?.get("LARES_INSTANCE")?.endsWith(`@${id}`) && isAlive(pid));
}

/** Where the supervisor of a home makes its cgroups; undefined where the host has none. */
export function cgroupOf({ id }: HomeFiles): string | undefined {
  const root = findCgroupRoot();
  return root && join(root.path, `lares-${id}`);
}

export function pidIn(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

function look(files: HomeFiles, pids: readonly number[]): readonly string[] {
  const group = cgroupOf(files);
  return [
    ...taggedOf(files).map((pid) => `process ${pid}: ${commandOf(pid)}`),
    // Others may have got the number of one that is gone.
    ...pids
      .filter((pid) => isAlive(pid) && commandOf(pid).includes(join(files.homes.run, "..")))
      .map((pid) => `keeper or supervisor ${pid}: ${commandOf(pid)}`),
    ...(group !== undefined && existsSync(group) ? [`cgroup ${group}`] : []),
    ...readdirSync(files.homes.run).flatMap((name) =>
      ["notify", "starts"].includes(name) ? [] : [`file run/${name}`],
    ),
    ...marksIn(join(files.starts, "any-user")),
    ...readdirSync(files.notify).map((name) => `socket run/notify/${name}`),
  ];
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "gone by now";
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function marksIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((name) => `mark run/starts/${name}`);
}
