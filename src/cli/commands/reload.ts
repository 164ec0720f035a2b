import { actAndWait } from "../act.ts";
import { defineCommand } from "../command.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "reload TARGET… [--no-wait] [--timeout D]",
  description:
    "Replaces each instance by a successor that is ready before its predecessor stops: no request is lost.\\n" +
    "A successor that fails leaves its predecessor serving, and the command fails.",
  options: waitOptions,
  examples: ["lares reload api", "lares reload all --timeout 5m"],
  operands: "services",
  run: (context, values) => actAndWait(context, "reload", patienceOf(values)),
});
