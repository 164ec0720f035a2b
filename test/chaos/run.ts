/**
 * A chaos trial by hand: `node test/chaos/run.ts [--services N] [--kills K] [--seed S] [--small] [--save]`.
 *
 * The same seed deals the same kills and commands; how they meet what the machine does at that moment, nobody repeats.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runTrial } from "./chaos.ts";
import { figuresOf, tableOf } from "./figures.ts";

const { values } = parseArgs({
  options: {
    services: { type: "string", default: "50" },
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    small: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const size = values.small
  ? { services: 12, kills: 15 }
  : { services: Number(values.services), kills: Number(values.kills) };

console.log(`seed ${seed}`);
const trial = await runTrial({ ...size, seed, wrk: hasWrk() });
const table = tableOf(figuresOf(trial, { ...size, seed }));
console.log(table);
if (values.save)
  writeFileSync(fileURLToPath(new URL("../../docs/chaos.md", import.meta.url)), page(table, trial.faults));
for (const fault of trial.faults) console.error(`fault: ${fault}`);
if (trial.faults.length > 0) {
  console.error(`${trial.faults.length} faults; seed ${seed}`);
  process.exitCode = 1;
}

function hasWrk(): boolean {
  try {
    execFileSync("which", ["wrk"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function page(rows: string, faults: readonly string[]): string {
  const found = faults.map((fault) => `- ${fault}`).join("\n");
  return `# Chaos

What \`node test/chaos/run.ts --save\` found the last time it was run by hand. It starts services of many kinds (HTTP
servers under load, writers of numbered lines that never pause, crash loops, slow stoppers, a watchdog, a scheduled
task), gives them random commands (reload, stop, start, scale), and kills Lares itself with SIGKILL at random moments:
the supervisor (70 %), its keeper (15 %), or both (15 %, then \`lares up\`). Every program keeps its own account of what
is true; afterwards the two are compared. What is promised, and what is not: [recovery.md](recovery.md).

${rows}
${faults.length > 0 ? `\n## Faults\n\n${found}\n` : ""}`;
}
