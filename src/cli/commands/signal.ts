import { nearest } from "../../config/nearest.ts";
import { parseSignal, signalNames } from "../../config/parse-signal.ts";
import { LaresError } from "../../core/errors.ts";
import { act, requireTargets } from "../act.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  usage: "signal SIGNAL TARGET…",
  description: "Sends a signal to the main process of each instance. What it does is the program's affair.",
  options: {},
  examples: ["lares signal HUP api", "lares signal SIGUSR1 worker/0"],
  operands: "services",
  run(context) {
    const [name, ...targets] = context.operands;
    requireTargets(targets, "signal");
    return act(context, { action: "signal", signal: signalOf(name ?? ""), targets });
  },
});

function signalOf(name: string): string {
  const signal = parseSignal(name);
  if (signal !== undefined) return signal;
  const guess = nearest(name, [...signalNames, ...signalNames.map((known) => known.slice(3))]);
  throw new LaresError("usage", `Cannot send "${name}": there is no such signal`, {
    hint: guess === undefined ? "List the signals with `kill -l`." : `Did you mean \`${guess}\`?`,
  });
}
