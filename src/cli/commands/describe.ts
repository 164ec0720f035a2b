import type { ServiceView } from "../../protocol/api.ts";
import { defineCommand } from "../command.ts";
import { renderService } from "../describe-service.ts";
import { parseTarget, requireOperands } from "../names.ts";

export const command = defineCommand({
  usage: "describe SERVICE…",
  description: "Shows everything about a service: state, figures, last failure with its log lines, and configuration.",
  options: {},
  examples: ["lares describe api", "lares describe api --json | jq .lastFailure"],
  operands: "services",
  async run({ client, operands, json, terminal }) {
    requireOperands(operands, { command: "describe", what: "service" });
    const names = operands.map((operand) => parseTarget(operand).service);
    const services: ServiceView[] = [];
    for (const name of new Set(names)) services.push(await client.service(name));
    if (json) terminal.write(`${JSON.stringify(services.length === 1 ? services[0] : services, null, 1)}\n`);
    else terminal.write(`${services.map((service) => renderService(service, terminal)).join("\n\n")}\n`);
    return 0;
  },
});
