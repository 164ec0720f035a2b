import { LaresError } from "../../core/errors.ts";
import { type ActionReply, type ActionRequest, routes } from "../../protocol/api.ts";
import { actionCommand, concerned } from "../../supervisor/operations.ts";
import type { Route } from "../route.ts";

const actionNames: readonly string[] = [
  "start",
  "stop",
  "restart",
  "reload",
  "delete",
  "reset",
  "signal",
  "scale",
  "upgrade",
  "down",
] satisfies ActionRequest["action"][];

/** Answers when the action is accepted; events say when it is done. */
export const actions: Route = {
  method: "POST",
  path: routes.actions,
  access: "owner",
  summary: "Start, stop, restart, reload, scale, signal, reset or delete services; end or replace the supervisor",
  takes: "ActionRequest",
  gives: "ActionReply",
  answer: ({ supervisor, body }): ActionReply => {
    const request = readRequest(body);
    const { seq } = supervisor.events;
    if (request.action === "upgrade") {
      supervisor.startAgain();
      return { seq, targets: [] };
    }
    const isScale = request.action === "scale";
    const command = actionCommand(
      supervisor.engine.world,
      { ...request, action: request.action },
      supervisor.desired.revision + (isScale ? 1 : 0),
    );
    if (isScale) supervisor.desired.revision += 1;
    const cause = "asked for by an operator";
    supervisor.engine.record({ type: `${request.action}_requested`, targets: request.targets, cause });
    supervisor.command(command);
    return { seq, targets: concerned(supervisor.engine.world, command) };
  },
};

function readRequest(body: unknown): ActionRequest {
  const request = body as Partial<ActionRequest> | null;
  if (typeof request !== "object" || request === null || !actionNames.includes(String(request.action))) {
    throw new LaresError("protocol", `Cannot act: the request names none of ${actionNames.join(", ")}`);
  }
  const targets = request.targets ?? [];
  if (!Array.isArray(targets) || !targets.every((target) => typeof target === "string")) {
    throw new LaresError("protocol", "Cannot act: the targets are no list of names");
  }
  return { ...(request as ActionRequest), targets };
}
