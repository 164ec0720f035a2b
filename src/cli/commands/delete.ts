import { LaresError } from "../../core/errors.ts";
import { actAndWait } from "../act.ts";
import { defineCommand } from "../command.ts";
import { parseTarget } from "../names.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "delete SERVICE… [--no-wait] [--timeout D]",
  description: "Stops services and forgets them. Their log files stay.",
  options: waitOptions,
  examples: ["lares delete api", "lares delete all"],
  operands: "services",
  run(context, values) {
    context.operands.forEach(refuseSlot);
    return actAndWait(context, "delete", patienceOf(values));
  },
});

/** A service is forgotten as a whole: who names one slot must not lose the others. */
function refuseSlot(operand: string): void {
  const { service, slot } = parseTarget(operand);
  if (slot === undefined) return;
  throw new LaresError("usage", `Cannot delete "${operand}": only a whole service can be deleted`, {
    hint: `Use \`lares delete ${service}\`, or have fewer instances with \`lares scale ${service}=N\`.`,
  });
}
