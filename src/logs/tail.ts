import { basename, dirname } from "node:path";
import { readLogs } from "./read.ts";

/**
 * The last lines a slot wrote, stdout and stderr in the order they were read: what goes with a report of its failure.
 *
 * @param directory that of the service
 * @param slot which instance
 * @param options.generation only lines of this start of the slot
 * @param options.lines at most so many; 20 when absent
 * @returns oldest first
 */
export async function tailLines(
  directory: string,
  slot: number,
  options: { readonly generation?: number; readonly lines?: number } = {},
): Promise<string[]> {
  const of = { directory: dirname(directory), services: [basename(directory)], slots: [slot] };
  const texts: string[] = [];
  for await (const line of readLogs({ ...of, ...options, lines: options.lines ?? 20 })) texts.push(line.text);
  return texts;
}
