import { applyAndWait } from "../apply-and-wait.ts";
import { defineCommand } from "../command.ts";
import { requireConfiguration } from "../configuration.ts";
import { loadRequest } from "../load-specs.ts";
import { renderPlan } from "../plan.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "apply [-f FILE] [--dry-run] [--no-wait] [--timeout D]",
  description: "Shows what the file would change, then changes only that. A broken file changes nothing.",
  options: {
    file: {
      type: "string",
      short: "f",
      value: "FILE",
      help: "the configuration; else the home's lares.yaml, else ./lares.yaml",
    },
    "dry-run": { type: "boolean", help: "only show the plan" },
    ...waitOptions,
  },
  examples: ["lares apply --dry-run", "lares apply -f services.yaml"],
  operands: "files",
  async run(context, values) {
    const { client, json, operands, terminal } = context;
    const path = await requireConfiguration(context.homes, {
      named: values.file ?? operands[0],
      directory: process.cwd(),
    });
    const patience = patienceOf(values);
    const request = await loadRequest(path, context);
    if (!values["dry-run"]) {
      await applyAndWait(context, request, patience);
      return 0;
    }
    const reply = await client.apply({ ...request, dryRun: true });
    if (json) terminal.write(`${JSON.stringify(reply, null, 1)}\n`);
    else terminal.write(`${renderPlan(reply.plan, terminal).join("\n")}\n`);
    return 0;
  },
});
