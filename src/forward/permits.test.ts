import assert from "node:assert/strict";
import { test } from "node:test";
import { Permits } from "./permits.ts";

test("so many act at a time, the others in the order in which they came, also after a failure", async () => {
  const permits = new Permits(2);
  const done: number[] = [];
  let now = 0;
  let most = 0;
  const act = (number: number) => async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
    done.push(number);
    if (number === 0) throw new Error("failed");
  };
  const all = await Promise.allSettled([0, 1, 2, 3, 4].map((number) => permits.while(act(number))));
  assert.deepEqual([done, most, all.filter(({ status }) => status === "rejected").length], [[0, 1, 2, 3, 4], 2, 1]);
});
