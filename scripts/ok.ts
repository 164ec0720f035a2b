/**
 * Everything that must hold before a commit, side by side: `npm run ok`, or `npm run ok -- lint types` for some of it.
 *
 * Each step is the script of that name in package.json. A step says one line when it ends; only what failed is shown in full.
 */
import os from "node:os";
import { styleText } from "node:util";
import { type Outcome, runStep } from "./step.ts";

/** The slow ones first, so that the quick ones fill the gaps. */
const all = ["test:unit", "types", "test:scenarios", "lint", "layers", "format:check"];

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
    const outcome = await runStep(step);
    outcomes.push(outcome);
    const mark = outcome.ok ? styleText("green", "✔") : styleText("red", "✘");
    console.log(`${mark} ${step.padEnd(15)} ${secondsSince(started).padStart(7)}`);
  }
}

function secondsSince(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
