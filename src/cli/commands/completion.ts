import { nearest } from "../../config/nearest.ts";
import { LaresError } from "../../core/errors.ts";
import { defineCommand } from "../command.ts";
import { complete } from "../completion/complete.ts";
import { type Shell, scripts } from "../completion/scripts.ts";

const shells = Object.keys(scripts) as Shell[];

export const command = defineCommand({
  usage: "completion bash|zsh|fish",
  description: "Prints a script that makes a shell complete commands, options and the names of services.",
  options: {
    words: { type: "boolean", help: "print the candidates for the last word after `--` (for those scripts)" },
  },
  examples: [
    "lares completion bash > ~/.local/share/bash-completion/completions/lares",
    "lares completion zsh > ~/.zfunc/_lares    # with ~/.zfunc in $fpath",
    "lares completion fish > ~/.config/fish/completions/lares.fish",
  ],
  operands: shells,
  async run(context, { words }) {
    if (words) {
      const candidates = await complete(context.rest ?? [], context);
      context.terminal.write(candidates.map((candidate) => `${candidate}\n`).join(""));
      return 0;
    }
    const [name = ""] = context.operands;
    const shell = shells.find((known) => known === name);
    if (shell === undefined) throw unknownShell(name);
    context.terminal.write(scripts[shell]);
    return 0;
  },
});

function unknownShell(name: string): LaresError {
  const guess = nearest(name, shells);
  const state = name === "" ? "no shell is named" : `"${name}" is not known`;
  return new LaresError("usage", `Cannot print a completion script: ${state}`, {
    hint: guess === undefined ? `Name one of ${shells.join(", ")}.` : `Did you mean \`${guess}\`?`,
  });
}
