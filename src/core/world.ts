import { type Command, carryOut } from "./commands.ts";
import { Draft, type Step, type World } from "./draft.ts";
import type { RunFact, RunId } from "./effects.ts";
import { assertNever } from "./errors.ts";
import { serviceDeadline, tickService } from "./pursuit.ts";
import { replace } from "./replacement.ts";
import { type Service, stepService } from "./service.ts";

export type WorldEvent =
  | { readonly type: "fact"; readonly run: RunId; readonly fact: RunFact }
  /** A deadline of this service has come. */
  | { readonly type: "tick"; readonly service: string }
  | { readonly type: "schedule_planned"; readonly service: string; readonly dueMs: number }
  | Command;

/** The one decision function of Lares: pure, total, and the only place where anything is decided. */
export function step(world: World, event: WorldEvent, nowMs: number): Step {
  const draft = new Draft(world, nowMs);
  apply(draft, event);
  draft.settle();
  return draft.toStep();
}

/** The earliest moment at which a `tick` changes this service. */
export function nextDeadline(service: Service): number | undefined {
  return serviceDeadline(service);
}

function apply(draft: Draft, event: WorldEvent): void {
  switch (event.type) {
    case "fact":
      draft.change(event.run.service, (service) => stepService(service, { ...event.run, fact: event.fact }, draft));
      if (event.fact.type === "notified" && event.fact.message.replace) replace(draft, event.run);
      return;
    case "tick":
      draft.change(event.service, (service) => tickService(service, draft));
      draft.touch(event.service);
      return;
    case "schedule_planned":
      draft.change(event.service, (service) => ({ ...service, dueMs: event.dueMs }));
      return;
    case "command":
      carryOut(draft, event);
      return;
    default:
      assertNever(event);
  }
}
