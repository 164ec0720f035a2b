/** What the trials share: options, temporary homes, `/proc` figures, and one way to print a result. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { small: { type: "boolean", default: false }, save: { type: "boolean", default: false } },
});

/** `--small`: quick enough for every change; the figures only show that the trial still runs. */
export const small = values.small;

/** Runs a program to its end; throws with what it printed when it fails. */
export function run(
  command: readonly [string, ...string[]],
  options: { env?: Record<string, string>; mayFail?: boolean } = {},
): string {
  const [program, ...args] = command;
  const result = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, ...options.env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  });
  if (result.error !== undefined && !options.mayFail) throw result.error;
  if (result.status !== 0 && !options.mayFail)
    throw new Error(
      `\`${command.slice(0, 6).join(" ")}\` ended with ${result.status}\n${result.stdout}${result.stderr}`,
    );
  return result.stdout;
}

/** Whether a program is on the PATH. */
export function installed(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => {
    try {
      return readdirSync(directory).includes(program);
    } catch {
      return false;
    }
  });
}

/** A directory of its own, removed by `using`. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const directory = mkdtempSync(path.join(os.tmpdir(), "lares-bench-"));
  return { path: directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Asks again every `everyMs` until the answer is true; throws after `withinMs`. */
export async function until(
  what: string,
  answer: () => boolean,
  { withinMs = 60_000, everyMs = 10 }: { withinMs?: number; everyMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!answer()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain until ${what}`);
    await pause(everyMs);
  }
}

/** Milliseconds that something took. */
export async function timed(action: () => unknown): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

/** The processes whose command line is exactly this, however the program was found. */
export function pidsOf(command: readonly string[]): number[] {
  const wanted = `${command.join("\0")}\0`;
  return allPids().filter((pid) => procFile(pid, "cmdline").replace(/^[^\0]*\//, "") === wanted);
}

/** The processes whose parent is one of these. */
export function childrenOf(parents: readonly number[]): number[] {
  return allPids().filter((pid) => parents.includes(Number(afterName(procFile(pid, "stat"))[1])));
}

/** Whether a process is there and not a zombie. */
export function alive(pid: number): boolean {
  const state = afterName(procFile(pid, "stat"))[0];
  return state !== undefined && state !== "Z" && state !== "";
}

/** Memory of some processes in MB: resident (shared pages counted in each), and private to them. */
export function memoryOf(pids: readonly number[]): { residentMb: number; privateMb: number } {
  const sum = (file: string, key: RegExp): number =>
    pids
      .flatMap((pid) => [...procFile(pid, file).matchAll(key)].map((match) => Number(match[1])))
      .reduce((total, kilobytes) => total + kilobytes, 0) / 1024;
  return {
    residentMb: sum("status", /^VmRSS:\s+(\d+)/gm),
    privateMb: sum("smaps_rollup", /^Private_(?:Clean|Dirty):\s+(\d+)/gm),
  };
}

/** How much of one processor some processes use over a time, in percent. */
export async function cpuPercentOf(pids: readonly number[], overMs: number): Promise<number> {
  const ticks = (): number =>
    pids
      .map((pid) => afterName(procFile(pid, "stat")))
      .reduce((total, fields) => total + Number(fields[11] ?? 0) + Number(fields[12] ?? 0), 0);
  const before = ticks();
  const tookMs = await timed(() => pause(overMs));
  return ((ticks() - before) * 10 * 100) / tookMs;
}

function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Empty for a process that is gone. */
function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}

/** The fields of /proc/PID/stat from the third (state) on: the second, a name, may hold anything. */
function afterName(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** The value below which this share of the sample lies. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** One line of a result: who, and what was measured. Absent figures are shown as `-`. */
export type Row = { readonly name: string; readonly figures: Readonly<Record<string, number | undefined>> };

/** Prints a trial's table; with `--save` writes it to bench/results/, with what it ran on. */
export function report(trial: string, rows: readonly Row[], notes: readonly string[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))];
  const lines = [
    ["", ...columns],
    ...rows.map((row) => [row.name, ...columns.map((column) => shown(row.figures[column]))]),
  ];
  const widths = ["", ...columns].map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  console.log(`\n${trial}${small ? " (small)" : ""}`);
  for (const line of lines) {
    const cells = line.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0),
    );
    console.log(`  ${cells.join("  ")}`);
  }
  for (const note of notes) console.log(`  ${note}`);
  if (values.save) save(trial, { rows, notes });
}

function shown(figure: number | undefined): string {
  return figure === undefined ? "-" : figure.toFixed(Math.abs(figure) < 10 ? 2 : figure < 1000 ? 1 : 0);
}

function save(trial: string, result: { rows: readonly Row[]; notes: readonly string[] }): void {
  const directory = path.join(import.meta.dirname, "results");
  mkdirSync(directory, { recursive: true });
  const machine = { kernel: os.release(), processors: os.availableParallelism(), node: process.version };
  const text = JSON.stringify({ trial, at: new Date().toISOString(), small, machine, ...result }, null, 2);
  writeFileSync(path.join(directory, `${trial}.json`), `${text}\n`);
}
