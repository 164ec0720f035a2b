import { LaresError } from "../../core/errors.ts";
import { defineCommand } from "../command.ts";
import { requireOperands } from "../names.ts";
import { finish, patienceOf, waitOptions } from "../wait/finish.ts";
import type { Goal } from "../wait/goals.ts";

export const command = defineCommand({
  usage: "scale SERVICE=N… [--no-wait] [--timeout D]",
  description:
    "Changes how many instances run, until the configuration says otherwise. Those that go are drained first.",
  options: waitOptions,
  examples: ["lares scale api=4", "lares scale api=2 worker=8"],
  operands: "services",
  async run(context, values) {
    requireOperands(context.operands, { command: "scale", what: "SERVICE=N" });
    const patience = patienceOf(values);
    const replies = [];
    for (const { service, instances } of context.operands.map(parseScale)) {
      const reply = await context.client.action({ action: "scale", targets: [service], instances });
      const goal: Goal = { kind: "settled", service, instances, revision: 0, task: false, scheduled: false };
      const settled = await finish(context, { verb: "scale", goals: [goal], seq: reply.seq, patience });
      replies.push({ ...reply, instances: settled });
    }
    if (context.json) context.terminal.write(`${JSON.stringify(replies, null, 1)}\n`);
    return 0;
  },
});

function parseScale(operand: string): { readonly service: string; readonly instances: number } {
  const [, service, instances] = /^([^=/]+)=(\d{1,6})$/.exec(operand) ?? [];
  if (service !== undefined) return { service, instances: Number(instances) };
  throw new LaresError("usage", `Cannot scale "${operand}": it is not SERVICE=N`, {
    hint: "Write for example `lares scale api=4`.",
  });
}
