import { actAndWait } from "../act.ts";
import { defineCommand } from "../command.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "delete TARGET… [--no-wait] [--timeout D]",
  description: "Stops services and forgets them. Their log files stay.",
  options: waitOptions,
  examples: ["lares delete api", "lares delete all"],
  operands: "services",
  run: (context, values) => actAndWait(context, "delete", patienceOf(values)),
});
