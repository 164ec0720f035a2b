import { defineCommand } from "../command.ts";
import { renderEvent } from "../event-line.ts";
import { matches, parseTarget } from "../names.ts";
import { timeOption } from "../units.ts";

export const command = defineCommand({
  usage: "events [SERVICE…] [-f] [--since T]",
  description: "Shows what the supervisor saw and decided, each with its cause.",
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what happens from now" },
    since: { type: "string", value: "T", help: "from a time (`14:05`, ISO 8601), a duration ago (`10m`), or `#SEQ`" },
  },
  examples: ["lares events", "lares events -f", "lares events api --since 1h", "lares events --json --since '#120'"],
  operands: "services",
  async run({ client, operands, json, terminal }, { follow = false, since }) {
    const targets = operands.map(parseTarget);
    const query = { follow, ...(since === undefined ? {} : { since: readSince(since) }) };
    for await (const event of client.events(query)) {
      if (!matches(targets, event)) continue;
      terminal.write(json ? `${JSON.stringify(event)}\n` : `${renderEvent(event, terminal)}\n`);
    }
    return 0;
  },
});

function readSince(text: string): number | string {
  if (/^#\d+$/.test(text)) return Number(text.slice(1));
  return new Date(timeOption(text, { option: "--since", nowMs: Date.now() })).toISOString();
}
