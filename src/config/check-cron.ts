import { Cron } from "croner";
import type { ServiceSpec } from "../core/spec.ts";
import type { Path, Problem } from "./diagnostic.ts";

/** Checks when a task is to run: that the expression can be read, and that it ever comes true. */
export function checkCron({ name, schedule }: ServiceSpec): readonly Problem[] {
  if (schedule === undefined) return [];
  const path: Path = ["services", name, "schedule"];
  const { cron, timezone } = schedule;
  if (timezone !== undefined && !isTimezone(timezone)) {
    const hint = "Use an IANA name such as `Europe/Berlin`.";
    return [{ path: [...path, "timezone"], part: timezone, message: `there is no time zone \`${timezone}\``, hint }];
  }
  const place = { path, part: cron };
  try {
    const next = new Cron(cron, { paused: true, ...(timezone !== undefined && { timezone }) }).nextRun();
    return next === null ? [{ ...place, message: `\`${cron}\` never comes` }] : [];
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, "");
    const hint = "Write minute, hour, day of month, month and day of week, as in `0 3 * * *`.";
    return [{ ...place, message: `\`${cron}\` is no cron expression: ${reason}`, hint }];
  }
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
