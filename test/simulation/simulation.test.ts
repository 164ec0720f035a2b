import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plantedBugs } from "./faults.ts";
import { describeShortest, runSeeds } from "./run-seeds.ts";
import { simulate } from "./simulate.ts";

/** A share of what is run by hand (docs/simulation.md); the seeds are the same every time. */
const schedules = Number(process.env.LARES_SIMULATIONS ?? 100_000);

describe("the simulation", () => {
  it("keeps every invariant while supervisors die between any two effects", async (t) => {
    const began = performance.now();
    const tally = await runSeeds({ from: 1, seeds: schedules });
    const seconds = (performance.now() - began) / 1000;
    t.diagnostic(
      `${tally.schedules} schedules, ${tally.calls} calls, ${tally.deaths} deaths in ${seconds.toFixed(0)} s`,
    );
    assert.equal(tally.violations.length, 0, describeShortest(tally));
  });

  it("does the same again with the same seed", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const [first, second] = [simulate(seed), simulate(seed)];
      assert.deepEqual([first.calls, first.deaths], [second.calls, second.deaths], `seed ${seed}`);
    }
  });

  for (const bug of Object.keys(plantedBugs) as (keyof typeof plantedBugs)[]) {
    it(`finds that ${bug}`, async (t) => {
      const { violations } = await runSeeds({ from: 1, seeds: 20_000, bug, isFirstEnough: true });
      const [first] = [...violations].sort((a, b) => a.seed - b.seed);
      assert.ok(first, `no seed broke an invariant although ${bug}`);
      t.diagnostic(`seed ${first.seed}: ${first.violation}`);
      const again = simulate(first.seed, plantedBugs[bug]);
      assert.equal(again.violation, first.violation, "the seed does not reproduce it");
    });
  }
});
