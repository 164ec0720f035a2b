import { isDisconnected } from "../../client/errors.ts";
import { launchSupervisor } from "../../client/launch.ts";
import { LaresError } from "../../core/errors.ts";
import { actAndWait } from "../act.ts";
import { adhocRequest } from "../adhoc-request.ts";
import { applyAndWait } from "../apply-and-wait.ts";
import { type Context, defineCommand } from "../command.ts";
import { requireOperands } from "../names.ts";
import { patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "start TARGET… [--name N] [-i N] [--no-wait] [--timeout D] [-- ARGS]",
  description:
    "Starts services that are known, and waits until they are ready.\n" +
    "A TARGET that is no service is a program file or a command line, and becomes a service of its own; the supervisor is\n" +
    "started for it if none runs.",
  options: {
    name: { type: "string", value: "N", help: "the name of the new service; else that of the program" },
    instances: { type: "string", short: "i", value: "N", help: "how many instances of it: a number or `max`" },
    ...waitOptions,
  },
  examples: [
    "lares start api",
    "lares start ./app.js -i 2 --name web",
    "lares start worker.py -- --queue mail",
    "lares start 'redis-server --port 7000'",
  ],
  operands: "services",
  async run(context, values) {
    requireOperands(context.operands, { command: "start", what: "target" });
    const patience = patienceOf(values);
    const known = await knownTargets(context);
    const programs = context.operands.filter((operand) => !known.has(operand));
    if (programs.length === 0 && context.rest === undefined && values.name === undefined) {
      return actAndWait(context, "start", patience);
    }
    const request = await adhocRequest(programs, { context, values });
    await ensureSupervisor(context);
    await applyAndWait(context, request, patience);
    if (known.size === 0) return 0;
    return actAndWait({ ...context, operands: [...known] }, "start", patience);
  },
});

/** The operands that name services, or slots of them. Without a supervisor there are none. */
async function knownTargets({ client, operands }: Context): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for (const operand of operands) {
    const name = operand.replace(/\/\d+$/, "");
    // What cannot be a name need not be asked for.
    if (operand !== "all" && (/[\s/]/.test(name) || !(await isKnown(client, name)))) continue;
    known.add(operand);
  }
  return known;
}

async function isKnown(client: Context["client"], name: string): Promise<boolean> {
  try {
    await client.service(name);
    return true;
  } catch (error) {
    if (isDisconnected(error) || (error instanceof LaresError && error.code === "no_such_service")) return false;
    throw error;
  }
}

async function ensureSupervisor({ client, homes }: Context): Promise<void> {
  try {
    await client.supervisor();
  } catch (error) {
    if (!isDisconnected(error)) throw error;
    await launchSupervisor(homes);
  }
}
