/** What the programs of a household wrote about themselves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseInstanceTag } from "../../src/protocol/instance-tag.ts";

/** A run, as all sides name it: `SERVICE/SLOT#GENERATION`. */
export type RunName = string;

export interface Truth {
  /** Every process that ever began, in order. */
  readonly starts: readonly { readonly run: RunName; readonly pid: number }[];
  /** How a crash was going to end. */
  readonly crashes: ReadonlyMap<RunName, { readonly code: number | null; readonly signal: string | null }>;
  /** By pid: how many lines a writer wrote before it ended in order. */
  readonly ends: ReadonlyMap<number, { readonly stdout: number; readonly stderr: number; readonly gapMs: number }>;
  /** Every TERM that a stubborn program got. */
  readonly terms: readonly RunName[];
}

export function readTruth(directory: string): Truth {
  const rows = (name: string) =>
    read(join(directory, name)).map((line) => {
      const [tag = "", ...values] = line.split(" ");
      return { run: runOf(tag), values };
    });
  return {
    starts: rows("starts").map(({ run, values }) => ({ run, pid: Number(values[0]) })),
    crashes: new Map(
      rows("crashes").map(({ run, values: [code, signal] }) => [
        run,
        { code: code === "null" ? null : Number(code), signal: signal === "null" ? null : (signal ?? null) },
      ]),
    ),
    ends: new Map(
      read(join(directory, "ends")).map((line) => {
        const [pid = 0, stdout = 0, stderr = 0, gapMs = 0] = line.split(" ").map(Number);
        return [pid, { stdout, stderr, gapMs }];
      }),
    ),
    terms: rows("terms").map(({ run }) => run),
  };
}

/** The name of the run that carries a tag. */
export function runOf(tag: string): RunName {
  const parsed = parseInstanceTag(tag);
  if (!parsed) throw new Error(`"${tag}" is no tag`);
  return nameOf(parsed);
}

export function nameOf(run: { service?: string; slot?: number; generation?: number }): RunName {
  return `${run.service}/${run.slot}#${run.generation}`;
}

function read(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}
