import { LaresError } from "../../core/errors.ts";
import { defineCommand } from "../command.ts";
import { renderInstances } from "../instances.ts";
import { matches, parseTarget } from "../names.ts";

export const command = defineCommand({
  usage: "ls [SERVICE…]",
  description:
    "Lists the instances of all services, or of those named, with state, figures and the reason of the state.",
  options: {},
  examples: ["lares ls", "lares ls api worker/0", "lares ls --json | jq '.[] | select(.state == \"failed\")'"],
  operands: "services",
  async run({ client, operands, json, terminal }) {
    const targets = operands.map(parseTarget);
    const instances = (await client.instances()).filter((instance) => matches(targets, instance));
    if (instances.length === 0 && targets.length > 0) {
      throw new LaresError("no_such_service", `Cannot list "${operands.join(" ")}": there is no such service`, {
        hint: "List all of them with `lares ls`.",
      });
    }
    if (json) terminal.write(`${JSON.stringify(instances, null, 1)}\n`);
    else terminal.write(`${renderInstances(instances, terminal).join("\n")}\n`);
    return 0;
  },
});
