import { statSync } from "node:fs";
import { openClient } from "../client/client.ts";
import { homesOf } from "../protocol/homes.ts";
import { parseArguments, splitCommand } from "./arguments.ts";
import type { OptionTable, OptionValues } from "./command.ts";
import { commands, loadCommand } from "./commands.ts";
import { errorToJson, exitCodeOf, renderError } from "./report.ts";
import { openTerminal } from "./terminal.ts";

/**
 * Runs one command line and sets the exit code of the process.
 *
 * The process is left to end by itself: `process.exit` could cut off output that is not written yet.
 *
 * @param words The command line without the program's name.
 */
export async function main(words: readonly string[]): Promise<void> {
  endQuietlyWithoutReader();
  try {
    process.exitCode = (await run(words)) ?? 0;
  } catch (error) {
    const json = words.includes("--json");
    const color = process.stderr.isTTY === true && !process.env.NO_COLOR && !words.includes("--no-color");
    process.stderr.write(json ? errorToJson(error) : renderError(error, { color }));
    process.exitCode = exitCodeOf(error);
  }
}

async function run(words: readonly string[]): Promise<number | undefined> {
  const split = splitCommand(words);
  const name =
    split.command ?? (split.words.some((word) => word === "--version" || word === "-V") ? "version" : "help");
  if (name === "help") {
    const { printHelp } = await import("./help.ts");
    return printHelp(split.words, openTerminal({ noColor: words.includes("--no-color"), env: process.env }));
  }
  const command = await loadCommand(name);
  const { values, operands, rest } = parseArguments(split.words, command.options);
  const terminal = openTerminal({ noColor: values["no-color"] === true, env: process.env });
  if (values.help) {
    const { renderCommandHelp } = await import("./help.ts");
    terminal.write(renderCommandHelp(command, terminal));
    return 0;
  }
  const homes = findHomes(values.home as string | undefined);
  const client = openClient({ socketPath: homes.socket, patient: true });
  const context = { homes, client, terminal, commands, json: values.json === true, operands, rest };
  // The parser has checked each value against the command's own table.
  return command.run(context, values as OptionValues<OptionTable>);
}

function findHomes(home: string | undefined) {
  return homesOf({
    env: process.env,
    uid: process.getuid?.() ?? 0,
    directory: process.cwd(),
    home,
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  });
}

/** In `lares ls | head -1` the reader is content and gone: that is an end, not an error. A full disk is one. */
function endQuietlyWithoutReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(`error: Cannot write the output: ${error.message}\n`);
    process.exit(1);
  });
}
