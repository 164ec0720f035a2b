import { openClient } from "../../client/client.ts";
import { LaresError } from "../../core/errors.ts";
import type { InstanceView } from "../../protocol/api.ts";
import type { Context, OptionTable } from "../command.ts";
import { renderFailure } from "../describe-service.ts";
import { nameOf } from "../instances.ts";
import { durationOption } from "../units.ts";
import { concerned, type Goal, isUnstartable } from "./goals.ts";
import { Progress } from "./progress.ts";
import { type Standing, waitFor } from "./wait.ts";

/** Options of every command that waits for what it asked for. */
export const waitOptions = {
  "no-wait": { type: "boolean", help: "return as soon as the supervisor has accepted" },
  timeout: { type: "string", value: "D", help: "give up waiting after this long (exit code 6)" },
} as const satisfies OptionTable;

/** How long a command waits. */
export interface Patience {
  readonly waits: boolean;
  /** Undefined is for as long as it takes. */
  readonly timeoutMs: number | undefined;
}

/**
 * Reads {@link waitOptions}. To be called before anything is asked for: a mistyped option must change nothing.
 *
 * @throws LaresError `usage`.
 */
export function patienceOf(values: { readonly "no-wait"?: boolean; readonly timeout?: string }): Patience {
  const timeoutMs = values.timeout === undefined ? undefined : durationOption(values.timeout, "--timeout");
  return { waits: !values["no-wait"], timeoutMs };
}

export interface Wish {
  /** The verb of the error message: `Cannot <verb> "api/0"`. */
  readonly verb: string;
  readonly goals: readonly Goal[];
  readonly seq: number;
  readonly patience: Patience;
}

/**
 * Waits for what a command asked for, and shows how it goes.
 *
 * @returns The instances concerned, as they ended.
 * @throws LaresError `operation_failed` when a goal was missed; its last log lines are on stderr by then.
 */
export async function finish(context: Context, wish: Wish): Promise<readonly InstanceView[]> {
  const { waits, timeoutMs } = wish.patience;
  if (!waits || wish.goals.length === 0) return [];
  const progress = new Progress(context.terminal);
  const standing = await waitFor(wish.goals, {
    // The wait has a patience and a screen of its own, which one call that takes long would hold up.
    client: openClient({ socketPath: context.homes.socket }),
    seq: wish.seq,
    timeoutMs,
    ...(context.json ? {} : { onChange: (current) => progress.show(current) }),
  });
  const missed = standing.verdicts.filter(({ verdict }) => verdict !== "done").map(({ goal }) => goal);
  if (missed.length === 0) {
    const reached = concerned(wish.goals, standing.instances);
    if (!context.json) warnOfDegraded(reached);
    return reached;
  }
  if (!context.json) await showFailures(context, missed);
  throw missedError(wish.verb, { missed, standing });
}

/** What is ready and not well, and whose health check asks for no more than that it be said. */
function warnOfDegraded(instances: readonly InstanceView[]): void {
  for (const it of instances.filter(({ state }) => state === "degraded")) {
    process.stderr.write(`warning: ${nameOf(it)} is ready, but degraded: see \`lares events ${it.service}\`\n`);
  }
}

async function showFailures({ client, terminal }: Context, missed: readonly Goal[]): Promise<void> {
  for (const service of new Set(missed.map((goal) => goal.service))) {
    // The failure is told in any case; its details are an extra that must not hide it.
    const view = await client.service(service).catch(() => undefined);
    if (view?.lastFailure == null) continue;
    process.stderr.write(`${renderFailure(view.lastFailure, { service, terminal }).join("\n")}\n`);
  }
}

function missedError(
  verb: string,
  { missed, standing }: { readonly missed: readonly Goal[]; readonly standing: Standing },
): LaresError {
  const services = [...new Set(missed.map(({ service }) => service))];
  const reasons = services.flatMap((service) => reasonsOf(service, standing));
  const [first] = services;
  const untried = standing.instances.some((it) => it.service === first && isUnstartable(it, standing));
  return new LaresError("operation_failed", `Cannot ${verb} "${services.join(" ")}": ${reasons[0] ?? "it failed"}`, {
    hint: untried
      ? `Correct that, and start it again with \`lares restart ${first}\`.`
      : `See what it wrote with \`lares logs ${first}\`.`,
    ...(reasons.length > 1 ? { cause: new Error(reasons.slice(1, 11).join("; ")) } : {}),
  });
}

function reasonsOf(service: string, standing: Standing): string[] {
  const { instances, reloads } = standing;
  const reload = reloads.findLast((event) => event.service === service && /_(failed|refused)$/.test(event.type));
  if (reload !== undefined) return [`the reload failed: ${reload.cause ?? "no cause was given"}`];
  return instances
    .filter((it) => it.service === service && it.state !== "up" && it.state !== "completed")
    .map((it) => {
      return `${nameOf(it)} ${stateOf(it, standing)}${it.reason === null ? "" : `: ${it.reason}`}`;
    });
}

function stateOf(instance: InstanceView, standing: Standing): string {
  if (isUnstartable(instance, standing)) return "cannot be started";
  return instance.slow ? "fails again and again" : `is ${instance.state}`;
}
