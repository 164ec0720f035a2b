import type { Client } from "../../client/client.ts";
import { globalOptions } from "../arguments.ts";
import type { Command, CommandEntry, OptionTable } from "../command.ts";

/**
 * What the last word of an unfinished command line may become.
 *
 * @param words The words after `lares`; the last one, perhaps empty, is being typed.
 * @returns Whole words. Empty means that the shell should offer files.
 */
export async function complete(
  words: readonly string[],
  { client, commands }: { readonly client: Pick<Client, "instances">; readonly commands: readonly CommandEntry[] },
): Promise<readonly string[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const names = commands.map(({ name }) => name);
  const entry = commands.find(({ name }) => name === before.find((word) => names.includes(word)));
  if (before.includes("--")) return [];
  const command: Command<OptionTable> | undefined = (await entry?.load())?.command;
  const options: OptionTable = { ...globalOptions, ...command?.options };
  if (wantsValue(before.at(-1), options)) return [];
  if (typed.startsWith("-"))
    return startingWith(
      typed,
      Object.keys(options).map((option) => `--${option}`),
    );
  if (command === undefined) return startingWith(typed, names);
  return startingWith(typed, await operandsOf(command, client));
}

/** Whether the word before is an option whose value is being typed. */
function wantsValue(word: string | undefined, options: OptionTable): boolean {
  return Object.entries(options).some(
    ([name, { type, short }]) =>
      type === "string" && (word === `--${name}` || (short !== undefined && word === `-${short}`)),
  );
}

async function operandsOf(
  { operands }: Command<OptionTable>,
  client: Pick<Client, "instances">,
): Promise<readonly string[]> {
  if (operands === undefined || operands === "files") return [];
  if (operands !== "services") return operands;
  // A completion that prints an error into the line being typed helps nobody.
  const instances = await client.instances({ usage: false }).catch(() => []);
  const services = new Set(instances.map(({ service }) => service));
  const slots = instances.filter(({ slot }) => slot > 0 || instances.length > services.size);
  return services.size === 0 ? [] : [...services, "all", ...slots.map(({ service, slot }) => `${service}/${slot}`)];
}

function startingWith(typed: string, candidates: readonly string[]): string[] {
  return candidates.filter((candidate) => candidate.startsWith(typed));
}
