import { actAndWait } from "../act.ts";
import { defineCommand } from "../command.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "stop TARGET… [--no-wait] [--timeout D]",
  description:
    "Stops services and waits for their end. They stay stopped, across restarts of supervisor and machine, until started.",
  options: waitOptions,
  examples: ["lares stop api", "lares stop worker/1", "lares stop all --timeout 1m"],
  operands: "services",
  run: (context, values) => actAndWait(context, "stop", patienceOf(values)),
});
