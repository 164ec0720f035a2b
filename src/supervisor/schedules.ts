import type { ScheduleSpec } from "../core/spec.ts";

/** A timer of Node is good for 24.8 days; and a wall clock that was set is noticed this soon. */
export const replanMs = 60_000;

/** Wall time of the next run after a moment; undefined when there is none any more. */
export async function nextRun({ cron, timezone }: ScheduleSpec, after: Date): Promise<Date | undefined> {
  const { Cron } = await import("croner");
  return new Cron(cron, { ...(timezone && { timezone }), paused: true }).nextRun(after) ?? undefined;
}
