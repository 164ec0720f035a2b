/**
 * Runs seeds of the simulation and prints what came of them.
 *
 *     node test/simulation/run.ts --seeds 100000 --from 1    all processors; exit 1 if an invariant did not hold
 *     node test/simulation/run.ts --from 463                 one seed, with everything that happened
 *     node test/simulation/run.ts --seeds 1000 --bug NAME    with one of the planted bugs of faults.ts
 */
import { parseArgs } from "node:util";
import { noFaults, plantedBugs } from "./faults.ts";
import { describeShortest, runSeeds } from "./run-seeds.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    seeds: { type: "string", default: "1" },
    bug: { type: "string" },
  },
});
const from = Number(values.from);
const seeds = Number(values.seeds);
const bug = values.bug as keyof typeof plantedBugs | undefined;
if (bug !== undefined && !(bug in plantedBugs)) throw new Error(`planted are: ${Object.keys(plantedBugs).join("; ")}`);

if (seeds === 1) {
  const { violation, trace } = simulate(from, bug === undefined ? noFaults : plantedBugs[bug]);
  console.log([...trace, violation ?? "every invariant held"].join("\n"));
  process.exitCode = violation === undefined ? 0 : 1;
} else {
  const began = performance.now();
  const tally = await runSeeds({ from, seeds, bug });
  const perSecond = tally.schedules / ((performance.now() - began) / 1000);
  const each = (count: number) => (count / tally.schedules).toFixed(1);
  console.log(describeShortest(tally));
  for (const [kind, found] of Object.entries(Object.groupBy(tally.violations, kindOf)))
    console.log(`${found?.length} × ${kind} (${found?.slice(0, 4).map(({ seed }) => seed)})`);
  console.log(
    `${tally.schedules} schedules (${each(tally.calls)} calls, ${each(tally.deaths)} deaths each), ${perSecond.toFixed(0)} a second`,
  );
  process.exitCode = tally.violations.length > 0 ? 1 : 0;
}

/** Violations that differ only in numbers are of one kind. */
function kindOf({ violation = "" }: { readonly violation?: string }): string {
  return violation.replace(/\d+/g, "N").slice(0, 120);
}
