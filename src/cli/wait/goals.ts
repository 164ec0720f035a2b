import { assertNever } from "../../core/errors.ts";
import type { ActionReply, ApplyReply, ApplyRequest, EventView, InstanceView } from "../../protocol/api.ts";

/** What a command waits for. */
export type Goal =
  /** One slot, of this generation or a later one, has come to rest. */
  | {
      readonly kind: "running";
      readonly service: string;
      readonly slot: number;
      readonly generation: number;
      readonly task: boolean;
    }
  /** One slot has no process any more. */
  | { readonly kind: "stopped"; readonly service: string; readonly slot: number }
  /** No instance of the service is left. */
  | { readonly kind: "gone"; readonly service: string }
  /** The service has this many instances, all of this revision or a later one, all at rest. */
  | {
      readonly kind: "settled";
      readonly service: string;
      readonly instances: number;
      readonly revision: number;
      /** A task is at rest when it has completed; one with a schedule whenever it has not failed. */
      readonly task: boolean;
      readonly scheduled: boolean;
    }
  /** The reload that began after this event has ended. */
  | { readonly kind: "reloaded"; readonly service: string; readonly afterSeq: number };

export type Verdict = "pending" | "done" | "failed";

/** What is known while waiting: the latest instances, and the events since the request. */
export interface Facts {
  /** By service: a thousand goals over a thousand instances are looked at many times a second. */
  readonly instances: ReadonlyMap<string, readonly InstanceView[]>;
  readonly reloads: readonly EventView[];
  /** By {@link slotKey}, the last generation that could not be started, and would not be if tried again. */
  readonly unstartable: ReadonlyMap<string, number>;
}

/** One slot among those of all services. */
export function slotKey({ service, slot }: Pick<EventView, "service" | "slot">): string {
  return `${service}/${slot}`;
}

/** Whether an instance waits for another try that will end as the last one did. */
export function isUnstartable(instance: InstanceView, { unstartable }: Pick<Facts, "unstartable">): boolean {
  return instance.state === "backoff" && unstartable.get(slotKey(instance)) === instance.generation;
}

/** Decides whether a goal is reached. */
export function judge(goal: Goal, facts: Facts): Verdict {
  const own = facts.instances.get(goal.service) ?? [];
  switch (goal.kind) {
    case "running":
      return worst(own.filter(({ slot }) => slot === goal.slot).map((it) => judgeRunning(it, goal, facts)));
    case "stopped":
      return own.some((it) => it.slot === goal.slot && !atRest(it)) ? "pending" : "done";
    case "gone":
      return own.length === 0 ? "done" : "pending";
    case "settled":
      return judgeSettled(own, goal, facts);
    case "reloaded":
      return judgeReloaded(goal, facts.reloads);
    default:
      return assertNever(goal);
  }
}

/** The instances that goals speak of. */
export function concerned(goals: readonly Goal[], instances: readonly InstanceView[]): InstanceView[] {
  const names = new Set(goals.map((goal) => ("slot" in goal ? `${goal.service}/${goal.slot}` : goal.service)));
  return instances.filter(({ service, slot }) => names.has(service) || names.has(`${service}/${slot}`));
}

/**
 * The goals of an accepted action.
 *
 * @param options `tasks` names the services that are tasks.
 */
export function goalsOfAction(
  action: "start" | "stop" | "restart" | "reload" | "delete",
  { reply, tasks }: { readonly reply: ActionReply; readonly tasks: ReadonlySet<string> },
): Goal[] {
  const services = [...new Set(reply.targets.map(({ service }) => service))];
  switch (action) {
    case "start":
    case "restart":
      return reply.targets.map((target) => ({ kind: "running", ...target, task: tasks.has(target.service) }));
    case "stop":
      return reply.targets.map(({ service, slot }) => ({ kind: "stopped", service, slot }));
    case "delete":
      return services.map((service) => ({ kind: "gone", service }));
    case "reload":
      return services.map((service) => ({ kind: "reloaded", service, afterSeq: reply.seq }));
    default:
      return assertNever(action);
  }
}

/** The goals of an applied configuration: every service of it at rest, and what was removed gone. */
export function goalsOfApply(request: ApplyRequest, reply: ApplyReply): Goal[] {
  const steps = new Map(reply.plan.map((step) => [step.service, step]));
  const kept = request.services.flatMap((spec): Goal[] => {
    const effect = steps.get(spec.name)?.effect ?? "none";
    const renewed = effect === "start" || effect === "restart";
    const settled = {
      kind: "settled",
      service: spec.name,
      instances: steps.get(spec.name)?.instances ?? spec.instances,
      // What is not touched keeps the revision that it was started with.
      revision: renewed ? reply.revision : 0,
      task: spec.kind === "task",
      scheduled: spec.schedule !== undefined,
    } as const;
    return effect === "reload" ? [{ kind: "reloaded", service: spec.name, afterSeq: reply.seq }, settled] : [settled];
  });
  const removed = reply.plan.filter(({ action }) => action === "remove");
  return [...kept, ...removed.map(({ service }): Goal => ({ kind: "gone", service }))];
}

function judgeRunning(instance: InstanceView, goal: Goal & { readonly kind: "running" }, facts: Facts): Verdict {
  return instance.generation < goal.generation ? "pending" : judgeRest(instance, goal, facts);
}

function judgeSettled(own: readonly InstanceView[], goal: Goal & { readonly kind: "settled" }, facts: Facts): Verdict {
  const slots = new Set(own.map(({ slot }) => slot));
  if (slots.size !== goal.instances) return "pending";
  if (goal.instances === 0) return "done";
  return worst(
    own.map((instance) => {
      if (instance.desired === "down") return atRest(instance) ? "done" : "pending";
      if (goal.scheduled) return instance.state === "failed" ? "failed" : "done";
      return instance.revision < goal.revision ? "pending" : judgeRest(instance, goal, facts);
    }),
  );
}

function judgeRest(instance: InstanceView, { task }: { readonly task: boolean }, facts: Facts): Verdict {
  const { state, desired } = instance;
  // Degraded is ready, and not well; where that should lead to more than a report, it is being stopped already.
  if (state === "completed" || ((state === "up" || state === "degraded") && !task)) return "done";
  // Stopped by someone else while we wait: it will not come up.
  if (state === "failed" || (state === "down" && desired === "down")) return "failed";
  // Past its restart limit it is tried for ever: whoever waits is told now.
  return isUnstartable(instance, facts) || (state === "backoff" && instance.slow) ? "failed" : "pending";
}

/** A reload that was under way already ends before the one that was asked for begins. */
function judgeReloaded(goal: Goal & { readonly kind: "reloaded" }, reloads: readonly EventView[]): Verdict {
  const own = reloads.filter(({ service, seq }) => service === goal.service && seq > goal.afterSeq);
  if (own.some(({ type }) => type === "reload_refused")) return "failed";
  const started = own.findIndex(({ type }) => type === "reload_started");
  const end = started < 0 ? undefined : own.slice(started).find(({ type }) => /_(completed|failed)$/.test(type));
  if (end === undefined) return "pending";
  return end.type === "reload_completed" ? "done" : "failed";
}

/** Whether an instance has no process and will not get one by itself. */
function atRest({ state }: InstanceView): boolean {
  return state === "down" || state === "failed" || state === "completed";
}

/** A slot that is not listed yet is pending. One that failed does not cut short the wait for the others. */
function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 0 || verdicts.includes("pending")) return "pending";
  return verdicts.includes("failed") ? "failed" : "done";
}
