import { existsSync } from "node:fs";
import { join } from "node:path";
import { LaresError } from "../../core/errors.ts";
import { readLogs } from "../../logs/read.ts";
import { type Context, defineCommand } from "../command.ts";
import { logPrinter } from "../log-line.ts";
import { logQuery } from "../log-query.ts";
import { all, matches, parseTarget } from "../names.ts";

export const command = defineCommand({
  usage: "logs [SERVICE…] [-f] [-n N] [--since T] [--until T] [--stdout|--stderr] [--grep RE]",
  description: "Shows what services wrote, in the order of time. Works without a running supervisor, too.",
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what is written from now" },
    lines: { type: "string", short: "n", value: "N", help: "the newest N lines (default 20, or all with --since)" },
    since: { type: "string", value: "T", help: "from a time (`14:05`, ISO 8601) or a duration ago (`10m`)" },
    until: { type: "string", value: "T", help: "up to that time" },
    stdout: { type: "boolean", help: "only what was written to stdout" },
    stderr: { type: "boolean", help: "only what was written to stderr" },
    grep: { type: "string", value: "RE", help: "only lines that match the regular expression" },
  },
  examples: ["lares logs -f", "lares logs api worker/0 -n 100", "lares logs api --stderr --since 10m --grep timeout"],
  operands: "services",
  async run(context, values) {
    const show = logPrinter(context);
    const targets = context.operands.map(parseTarget);
    for (const { service } of targets) await refuseUnknown(service, context);
    const query = logQuery(targets, { directory: context.homes.log, values, nowMs: Date.now() });
    for await (const line of readLogs(query)) {
      if (matches(targets, line)) context.terminal.write(show(line));
    }
    return 0;
  },
});

/** Who mistypes a name must not take the silence for that of the service. One that wrote nothing yet is known to the supervisor. */
async function refuseUnknown(service: string, { homes, client }: Context): Promise<void> {
  if (service === all || existsSync(join(homes.log, service))) return;
  const isKnown = await client.service(service).then(
    () => true,
    () => false,
  );
  if (isKnown) return;
  throw new LaresError("no_such_service", `Cannot read the logs of "${service}": there is no such service`, {
    hint: `List the services with \`lares ls\`; what they wrote is in "${homes.log}".`,
  });
}
