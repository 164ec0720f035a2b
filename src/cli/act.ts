import type { ActionRequest } from "../protocol/api.ts";
import type { Context } from "./command.ts";
import { parseTarget, requireOperands } from "./names.ts";
import { finish, type Patience } from "./wait/finish.ts";
import { goalsOfAction } from "./wait/goals.ts";
import { tasksAmong } from "./wait/tasks.ts";

/** Actions whose end can be waited for by their reply alone. */
export type Awaited = "start" | "stop" | "restart" | "reload" | "delete";

/** Asks for an action on the operands, and waits for its end. */
export async function actAndWait(context: Context, action: Awaited, patience: Patience): Promise<number> {
  requireTargets(context.operands, action);
  const { client, operands } = context;
  const starts = action === "start" || action === "restart";
  // Asked for beforehand: once accepted, only the wait knows how to outlive a supervisor that dies.
  const tasks = starts && patience.waits ? await tasksAmong(operands.map(parseTarget), client) : new Set<string>();
  const reply = await client.action({ action, targets: operands });
  const wish = { verb: action, goals: goalsOfAction(action, { reply, tasks }), seq: reply.seq, patience };
  const instances = await finish(context, wish);
  if (context.json) context.terminal.write(`${JSON.stringify({ ...reply, instances }, null, 1)}\n`);
  return 0;
}

/** Asks for an action that is done once it is accepted. */
export async function act(context: Context, request: ActionRequest): Promise<number> {
  const reply = await context.client.action(request);
  if (context.json) context.terminal.write(`${JSON.stringify(reply, null, 1)}\n`);
  return 0;
}

/**
 * Refuses operands that are no targets.
 *
 * @throws LaresError `usage`.
 */
export function requireTargets(operands: readonly string[], command: string): void {
  requireOperands(operands, { command, what: "service" });
  operands.forEach(parseTarget);
}
