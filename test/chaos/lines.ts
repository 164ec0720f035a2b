/** Reads what a writer of numbered lines left in its log files, and says what is not as it was written. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import type { StreamName } from "../../src/logs/names.ts";
import { listSegments, segmentsOf } from "../../src/logs/segments.ts";
import { zstdFrameEnd } from "../../src/protocol/zstd-frame.ts";

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
export function readLines(directory: string, of: { readonly slot: number; readonly stream: StreamName }): LinesFound {
  // A kill while a segment was compressed leaves it in both forms; this is the rule by which `lares logs` reads one.
  const names = segmentsOf(listSegments(directory), of).map(({ path }) => basename(path));
  const last = new Map<number, number>();
  const faults: string[] = [];
  let [count, rest] = [0, ""];
  for (const name of names) {
    const bytes = readFileSync(join(directory, name));
    const text = rest + (name.endsWith(".zst") ? decompressed(bytes) : bytes).toString("latin1");
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

/** Frame by frame: Node drops what follows the first. */
function decompressed(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, end = 0; at < bytes.length; at = end) {
    end = zstdFrameEnd((from, length) => bytes.subarray(from, from + length), at) ?? bytes.length;
    parts.push(zstdDecompressSync(bytes.subarray(at, end)));
  }
  return Buffer.concat(parts);
}
