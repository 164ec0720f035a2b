import { LaresError } from "../../core/errors.ts";
import type { InstanceView } from "../../protocol/api.ts";
import { type Context, defineCommand } from "../command.ts";
import { renderInstances } from "../instances.ts";
import { matches, parseTarget, type Target } from "../names.ts";
import { withScreen } from "../screen.ts";
import { formatBytes } from "../units.ts";

const refreshMs = 1000;

export const command = defineCommand({
  usage: "top [SERVICE…]",
  description: "Shows the instances live, those that use most processor first. `q` ends it.",
  options: {},
  examples: ["lares top", "lares top api worker"],
  operands: "services",
  async run(context) {
    if (context.json || !context.terminal.live || !process.stdin.isTTY) {
      throw new LaresError("usage", "Cannot show a live view: this is not a terminal", {
        hint: "Use `lares ls --json`.",
      });
    }
    const targets = context.operands.map(parseTarget);
    // What fails at once fails as an ordinary command does, before the screen is taken.
    await context.client.instances();
    await withScreen({ refreshMs, draw: () => draw(context, targets) });
    return 0;
  },
});

async function draw({ client, terminal }: Context, targets: readonly Target[]): Promise<string[]> {
  let instances: readonly InstanceView[];
  try {
    instances = (await client.instances()).filter((instance) => matches(targets, instance));
  } catch (error) {
    return [terminal.paint("red", error instanceof Error ? error.message : String(error)), "", "q quits"];
  }
  const sorted = instances.toSorted((a, b) => (b.cpuPercent ?? -1) - (a.cpuPercent ?? -1));
  const lines = [summary(instances), "", ...renderInstances(sorted, terminal)];
  if (lines.length < terminal.rows) return lines;
  return [
    ...lines.slice(0, terminal.rows - 1),
    terminal.paint("gray", `… and ${lines.length - terminal.rows + 1} more`),
  ];
}

function summary(instances: readonly InstanceView[]): string {
  const up = instances.filter(({ state }) => state === "up").length;
  const failed = instances.filter(({ state }) => state === "failed").length;
  const cpu = instances.reduce((sum, { cpuPercent }) => sum + (cpuPercent ?? 0), 0);
  const memory = instances.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0);
  return `${instances.length} instances, ${up} up, ${failed} failed   cpu ${cpu.toFixed(1)}%   memory ${formatBytes(memory)}   q quits`;
}
