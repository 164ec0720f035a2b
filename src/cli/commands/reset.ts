import { act, requireTargets } from "../act.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  usage: "reset TARGET…",
  description: "Forgets failures and restart counts: what had failed may be started again.",
  options: {},
  examples: ["lares reset api", "lares reset all"],
  operands: "services",
  run(context) {
    requireTargets(context.operands, "reset");
    return act(context, { action: "reset", targets: context.operands });
  },
});
