import { globalOptions, parseArguments } from "./arguments.ts";
import type { Command, OptionTable } from "./command.ts";
import { commands, loadCommand } from "./commands.ts";
import type { Terminal } from "./terminal.ts";

/**
 * `lares`, `lares --help` and `lares help COMMAND`.
 *
 * @returns The exit code: options without a command are a usage error, nothing at all is a request for help.
 */
export async function printHelp(words: readonly string[], terminal: Terminal): Promise<number> {
  const { values, operands } = parseArguments(words, {});
  const [name] = operands;
  if (name === undefined) terminal.write(renderOverview(terminal));
  else terminal.write(renderCommandHelp(await loadCommand(name), terminal));
  return name !== undefined || values.help || words.length === 0 ? 0 : 2;
}

/** The help of one command. */
export function renderCommandHelp(command: Command<OptionTable>, terminal: Terminal): string {
  const sections = [
    `${terminal.paint("bold", "Usage:")} lares ${command.usage}`,
    command.description,
    section(terminal, "Options", optionRows({ ...command.options, ...globalOptions })),
    `${terminal.paint("bold", "Examples:")}\n${command.examples.map((example) => `  ${example}`).join("\n")}`,
  ];
  return `${sections.join("\n\n")}\n`;
}

function renderOverview(terminal: Terminal): string {
  const sections = [
    `${terminal.paint("bold", "Usage:")} lares COMMAND [OPTIONS]`,
    "Keeps programs running. Every name is SERVICE, SERVICE/SLOT or `all`.",
    section(
      terminal,
      "Commands",
      commands.map(({ name, summary }) => [name, summary]),
    ),
    section(terminal, "Options", optionRows(globalOptions)),
    "Exit codes: 0 done · 1 failed · 2 wrong usage or invalid configuration · 3 no supervisor · 4 not permitted ·\n" +
      "5 no such service · 6 timed out. Help of one command: `lares COMMAND --help`.",
  ];
  return `${sections.join("\n\n")}\n`;
}

function section(terminal: Terminal, title: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  return `${terminal.paint("bold", `${title}:`)}\n${lines.join("\n")}`;
}

function optionRows(options: OptionTable): [string, string][] {
  return Object.entries(options).map(([name, option]) => {
    const short = option.short === undefined ? "    " : `-${option.short}, `;
    const value = option.value === undefined ? "" : ` ${option.value}`;
    return [`${short}--${name}${value}`, option.help];
  });
}
