/** Runs every n-th seed of a range in a thread of its own and says what came of them. */
import { parentPort, workerData } from "node:worker_threads";
import { noFaults, plantedBugs } from "./faults.ts";
import type { Share, Tally } from "./run-seeds.ts";
import { type Outcome, simulate } from "./simulate.ts";

const { from, until, every, bug, isFirstEnough } = workerData as Share;
const faults = bug === undefined ? noFaults : plantedBugs[bug];
const violations: Outcome[] = [];
let [schedules, calls, deaths] = [0, 0, 0];
for (let seed = from; seed < until; seed += every) {
  const outcome = simulate(seed, faults);
  schedules += 1;
  calls += outcome.calls;
  deaths += outcome.deaths;
  if (outcome.violation === undefined) continue;
  violations.push(outcome);
  if (isFirstEnough) break;
}
parentPort?.postMessage({ schedules, calls, deaths, violations } satisfies Tally);
