import type { ApplyRequest } from "../protocol/api.ts";
import type { Context } from "./command.ts";
import { renderPlan } from "./plan.ts";
import { finish, type Patience } from "./wait/finish.ts";
import { goalsOfApply } from "./wait/goals.ts";

/** Applies a configuration, shows its plan, and waits for its end. What `up`, `apply` and ad-hoc `start` have in common. */
export async function applyAndWait(context: Context, request: ApplyRequest, patience: Patience): Promise<void> {
  const { client, json, terminal } = context;
  const reply = await client.apply(request);
  if (!json) terminal.write(`${renderPlan(reply.plan, terminal).join("\n")}\n`);
  const goals = goalsOfApply(request, reply);
  const instances = await finish(context, { verb: "bring up", goals, seq: reply.seq, patience });
  if (json) terminal.write(`${JSON.stringify({ ...reply, instances }, null, 1)}\n`);
}
