/** Reads what a writer of numbered lines left in its log files, and says what is not as it was written. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { parseSegmentFileName } from "../../src/logs/names.ts";

export interface LinesFound {
  /** The number of the last line, by the pid of the writer. */
  readonly last: ReadonlyMap<number, number>;
  readonly count: number;
  readonly files: number;
  readonly compressed: number;
  /** One sentence for each line that is missing, doubled, torn or out of order. */
  readonly faults: readonly string[];
}

/** A line is `PID NUMBER TEXT`; each process counts from 1. */
export function readLines(directory: string, of: { readonly slot: number; readonly stream: string }): LinesFound {
  const names = segmentsOf(directory, of);
  const last = new Map<number, number>();
  const faults: string[] = [];
  let [count, rest] = [0, ""];
  for (const name of names) {
    const bytes = readFileSync(join(directory, name));
    const text = rest + (name.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes).toString("latin1");
    if (rest !== "") faults.push(`${name}: the segment before it ends within a line`);
    const lines = text.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      count += 1;
      const [, pid, number] = /^(\d+) (\d+) [ a-z]+$/.exec(line) ?? [];
      const expected = (last.get(Number(pid)) ?? 0) + 1;
      if (Number(number) !== expected) faults.push(`${name}: "${line}" instead of number ${expected}`);
      if (number !== undefined) last.set(Number(pid), Number(number));
    }
  }
  if (rest !== "") faults.push(`the last line is torn: "${rest}"`);
  const compressed = names.filter((name) => name.endsWith(".zst")).length;
  return { last, count, files: names.length, compressed, faults };
}

/** Log files of a stream, oldest first; what is being written comes last. */
function segmentsOf(directory: string, { slot, stream }: { slot: number; stream: string }): readonly string[] {
  const found = readdirSync(directory).flatMap((name) => {
    const segment = parseSegmentFileName(name);
    const isWanted = segment?.slot === slot && segment.stream === stream;
    return isWanted && (segment.kind === "log" || segment.kind === "zst") ? [{ name, segment }] : [];
  });
  const order = ({ segment }: (typeof found)[number]) => segment.rotatedAt ?? "~";
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1)).map(({ name }) => name);
}
