/**
 * Runs seeds of the simulation: `node test/simulation/run.ts [--from S] [--seeds N] [--trace]`.
 */
import { parseArgs } from "node:util";
import { noFaults, plantedBugs } from "./faults.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    seeds: { type: "string", default: "1000" },
    trace: { type: "boolean" },
    bug: { type: "string" },
  },
});
const faults = values.bug === undefined ? noFaults : plantedBugs[values.bug as keyof typeof plantedBugs];
const from = Number(values.from);
const count = Number(values.seeds);
const began = performance.now();
let calls = 0;
let deaths = 0;
const kinds = new Map<string, number[]>();
for (let seed = from; seed < from + count; seed += 1) {
  const outcome = simulate(seed, faults);
  calls += outcome.calls;
  deaths += outcome.deaths;
  if (outcome.violation === undefined) continue;
  const kind = outcome.violation
    .split("\n")
    .slice(0, 2)
    .join(" ")
    .replace(/[0-9]+/g, "N")
    .slice(0, 160);
  kinds.set(kind, [...(kinds.get(kind) ?? []), seed]);
  if (values.trace) console.log(`seed ${seed}: ${outcome.violation}\n${outcome.trace.join("\n")}`);
}
const seconds = (performance.now() - began) / 1000;
for (const [kind, seeds] of [...kinds].sort((a, b) => b[1].length - a[1].length))
  console.log(`${seeds.length} × ${kind} (${seeds.slice(0, 4).join(" ")})`);
console.log(
  `${count} schedules, ${(calls / count).toFixed(0)} calls and ${(deaths / count).toFixed(1)} deaths each, ${(count / seconds).toFixed(0)} a second`,
);
