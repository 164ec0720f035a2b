import { type Finding, probeHost } from "../../client/host.ts";
import { defineCommand } from "../command.ts";
import type { Style, Terminal } from "../terminal.ts";

const styles: Readonly<Record<Finding["level"], Style>> = { ok: "green", warn: "yellow", fail: "red" };

export const command = defineCommand({
  usage: "doctor",
  description:
    "Shows what this host can and cannot do for Lares, and what to do about it. Exit code 1 if something is missing.",
  options: {},
  examples: ["lares doctor", "lares doctor --json | jq '.[] | select(.level != \"ok\")'"],
  async run({ homes, json, terminal }) {
    const findings = probeHost(homes);
    if (json) terminal.write(`${JSON.stringify(findings, null, 1)}\n`);
    else terminal.write(`${findings.flatMap((finding) => render(finding, terminal)).join("\n")}\n`);
    return findings.some(({ level }) => level === "fail") ? 1 : 0;
  },
});

function render({ level, what, found, hint }: Finding, terminal: Terminal): string[] {
  const line = `${terminal.paint(styles[level], level.padEnd(4))}  ${what.padEnd(15)}  ${found}`;
  return hint === undefined ? [line] : [line, `${" ".repeat(23)}${terminal.paint("cyan", "hint:")} ${hint}`];
}
