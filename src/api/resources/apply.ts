import { LaresError } from "../../core/errors.ts";
import { type ApplyReply, type ApplyRequest, routes } from "../../protocol/api.ts";
import { checkSpecs } from "../../supervisor/check-specs.ts";
import { applyCommand, planOf } from "../../supervisor/operations.ts";
import type { Route } from "../route.ts";

/** Answers when the plan is accepted; events say when it is carried out. */
export const apply: Route = {
  method: "POST",
  path: routes.apply,
  access: "owner",
  summary: "Plan what a file changes, and carry it out unless it is a dry run",
  takes: "ApplyRequest",
  gives: "ApplyReply",
  answer: ({ supervisor, body }): ApplyReply => {
    const request = readRequest(body);
    const plan = planOf(supervisor.engine.world, request);
    const { seq } = supervisor.events;
    const hasChanges = plan.some(({ action }) => action !== "keep");
    if (!request.dryRun) supervisor.watchConfiguration(request.source, request.watch === true);
    if (!request.dryRun && hasChanges) {
      supervisor.desired.revision += 1;
      const { revision } = supervisor.desired;
      const counts = Object.groupBy(plan, ({ action }) => action);
      supervisor.engine.record({
        type: "plan_applied",
        revision,
        ...(request.source !== null && { source: request.source }),
        added: counts.add?.length ?? 0,
        changed: counts.change?.length ?? 0,
        removed: counts.remove?.length ?? 0,
      });
      supervisor.command(applyCommand(plan, request, { world: supervisor.engine.world, revision }));
    }
    return { revision: supervisor.desired.revision, plan, seq };
  },
};

function readRequest(body: unknown): ApplyRequest {
  const request = body as Partial<ApplyRequest> | null;
  if (typeof request !== "object" || request === null || !Array.isArray(request.services)) {
    throw new LaresError("protocol", "Cannot apply: the request has no list of services");
  }
  checkSpecs(request.services);
  return {
    services: request.services,
    source: request.source ?? null,
    dryRun: request.dryRun === true,
    watch: request.watch === true,
  };
}
