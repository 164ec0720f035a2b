/** Killing Lares itself, and waiting until it is back. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Rig } from "../e2e/rig.ts";
import type { Random } from "../simulation/random.ts";

export type Victim = "supervisor" | "keeper" | "both";

/** One kill and what came after it. */
export interface Kill {
  readonly victim: Victim;
  /** Wall-clock time, as events have it. */
  readonly at: Date;
  /** Until a new supervisor answered. */
  readonly recoveryMs: number;
  /** When it did. */
  readonly backAt: Date;
}

const patienceMs = 30_000;

/** So many victims in random order: of twenty fourteen supervisors, three keepers, three times both. */
export function dealVictims(random: Random, count: number): readonly Victim[] {
  const [keepers, both] = [Math.max(1, Math.round(count * 0.15)), Math.max(1, Math.round(count * 0.15))];
  const victims = Array.from({ length: count }, (_, index): Victim => {
    if (index < keepers) return "keeper";
    return index < keepers + both ? "both" : "supervisor";
  });
  for (let last = victims.length - 1; last > 0; last--) {
    const other = random.int(0, last);
    [victims[last], victims[other]] = [victims[other] ?? "supervisor", victims[last] ?? "supervisor"];
  }
  return victims;
}

/** Kills, and waits until another supervisor answers. */
export async function kill(rig: Rig, victim: Victim): Promise<Kill> {
  const { pid, keeperPid } = await rig.client.supervisor();
  const at = new Date();
  const beganMs = performance.now();
  if (victim !== "supervisor" && keeperPid !== null) process.kill(keeperPid, "SIGKILL");
  if (victim !== "keeper") process.kill(pid, "SIGKILL");
  if (victim === "both") await rig.ok("up", "--no-wait");
  await untilAnother(rig, pid);
  return { victim, at, recoveryMs: performance.now() - beganMs, backAt: new Date() };
}

async function untilAnother(rig: Rig, than: number): Promise<void> {
  for (const deadlineMs = performance.now() + patienceMs; ; await sleep(3)) {
    const answers = await rig.client.supervisor().then(
      ({ pid }) => pid !== than,
      () => false,
    );
    if (answers) return;
    if (performance.now() > deadlineMs) throw new Error(`no supervisor came back: ${lastWords(rig)}`);
  }
}

function lastWords({ files }: Rig): string {
  return readFileSync(files.ownLog, "utf8").split("\n").slice(-20).join("\n");
}
