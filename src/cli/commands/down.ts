import { defineCommand } from "../command.ts";
import { takeDown } from "../take-down.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "down [--no-wait] [--timeout D]",
  description: "Stops every service in reverse order, then the supervisor and its keeper. Nothing is left running.",
  options: waitOptions,
  examples: ["lares down", "lares down --timeout 1m"],
  async run(context, values) {
    const stopped = await takeDown(context, patienceOf(values));
    if (context.json) context.terminal.write(`${JSON.stringify(stopped)}\n`);
    return 0;
  },
});
