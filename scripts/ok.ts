/**
 * Everything that must hold before a commit, side by side: `npm run ok`, or `npm run ok -- lint types` for some of it.
 *
 * Each step is the script of that name in package.json. A step says one line when it ends; only what failed is shown in full.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { styleText } from "node:util";

/** The slow ones first, so that the quick ones fill the gaps. */
const all = ["test:unit", "types", "test:scenarios", "lint", "layers", "format:check"];
const root = path.join(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const env = { ...process.env, PATH: `${path.join(root, "node_modules/.bin")}:${process.env.PATH}` };

interface Outcome {
  readonly step: string;
  readonly ok: boolean;
  readonly output: string;
}

const waiting = process.argv.length > 2 ? process.argv.slice(2) : [...all];
const outcomes: Outcome[] = [];
const startedAt = performance.now();
await Promise.all(Array.from({ length: Math.max(2, os.availableParallelism()) }, worker));

const failed = outcomes.filter((outcome) => !outcome.ok);
for (const { step, output } of failed) console.log(`\n${styleText("bold", step)}\n${output.trimEnd()}`);
console.log(`\n${outcomes.length - failed.length} passed, ${failed.length} failed in ${secondsSince(startedAt)}`);
if (failed.length > 0) process.exitCode = 1;

async function worker(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const started = performance.now();
    const outcome = await run(step);
    outcomes.push(outcome);
    const mark = outcome.ok ? styleText("green", "✔") : styleText("red", "✘");
    console.log(`${mark} ${step.padEnd(15)} ${secondsSince(started).padStart(7)}`);
  }
}

/** Runs a script as npm does, without npm's own half second. */
async function run(step: string): Promise<Outcome> {
  const script = scripts[step];
  if (script === undefined) return { step, ok: false, output: `package.json has no script "${step}"` };
  const child = spawn("/bin/sh", ["-c", script], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { step, ok: code === 0, output };
}

function secondsSince(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
