import { actAndWait } from "../act.ts";
import { defineCommand } from "../command.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "restart TARGET… [--no-wait] [--timeout D]",
  description: "Stops services and starts them again, and waits until they are ready.",
  options: waitOptions,
  examples: ["lares restart api", "lares restart worker/1 --no-wait"],
  operands: "services",
  run: (context, values) => actAndWait(context, "restart", patienceOf(values)),
});
