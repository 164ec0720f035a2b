import { isDisconnected } from "../../client/errors.ts";

import { LaresError } from "../../core/errors.ts";
import { version } from "../../protocol/version.ts";
import { type Context, defineCommand } from "../command.ts";

export const command = defineCommand({
  usage: "version",
  description: "Shows the version of this command, and of the supervisor if one runs.",
  options: {},
  examples: ["lares version", "lares version --json"],
  async run(context) {
    const supervisor = await supervisorVersion(context);
    if (context.json) {
      context.terminal.write(
        `${JSON.stringify({ lares: version, node: process.versions.node, supervisor }, null, 1)}\n`,
      );
    } else {
      context.terminal.write(
        `lares ${version} (Node ${process.versions.node})\nsupervisor ${supervisor ?? "not running"}\n`,
      );
    }
    return 0;
  },
});

/** Null when none answers: the version of the command is worth showing in any case. */
async function supervisorVersion({ client }: Context): Promise<string | null> {
  try {
    return (await client.supervisor()).version;
  } catch (error) {
    if (isDisconnected(error) || (error instanceof LaresError && error.code === "not_permitted")) return null;
    throw error;
  }
}
