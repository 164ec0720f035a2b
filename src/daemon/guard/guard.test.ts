import assert from "node:assert/strict";
import { test } from "node:test";
import { Guard } from "./guard.ts";
import { type Breach, describeBreach, findBreaches, type Sample } from "./limits.ts";

const calm: Sample = { memoryBytes: 100, heapBytes: 50, cpuPercent: 10, eventLoopDelayMs: 1 };

function guarded(options: ConstructorParameters<typeof Guard>[0]): { guard: Guard; told: string[] } {
  const told: string[] = [];
  const guard = new Guard(options, {
    onSoft: (breaches: readonly Breach[]) => void told.push(`soft ${breaches.map(({ figure }) => figure).join()}`),
    onRelief: () => void told.push("relief"),
    onHard: ({ figure }) => void told.push(`hard ${figure}`),
  });
  return { guard, told };
}

test("memory counts as it is now", () => {
  const limits = { memoryBytes: { soft: 200, hard: 300 } };
  const observed = (memoryBytes: number) => ({ window: [calm, { ...calm, memoryBytes }], isFull: false });
  assert.deepEqual(findBreaches(limits, observed(199)), []);
  assert.deepEqual(findBreaches(limits, observed(200)), [
    { figure: "memoryBytes", level: "soft", value: 200, limit: 200 },
  ]);
  assert.equal(findBreaches(limits, observed(300))[0]?.level, "hard");
});

test("CPU and event-loop delay count as the average of a whole window", () => {
  const limits = { cpuPercent: { soft: 50 }, eventLoopDelayMs: { hard: 100 } };
  const busy = { ...calm, cpuPercent: 100, eventLoopDelayMs: 300 };
  assert.deepEqual(findBreaches(limits, { window: [busy], isFull: false }), []);
  const breaches = findBreaches(limits, { window: [calm, busy], isFull: true });
  assert.deepEqual(
    breaches.map(({ figure, level }) => `${level} ${figure}`),
    ["hard eventLoopDelayMs", "soft cpuPercent"],
  );
});

test("a breach is said once, and its relief too", () => {
  const { guard, told } = guarded({ memoryBytes: { soft: 200 } });
  using _guard = guard;
  for (const memoryBytes of [100, 250, 260, 100, 100]) guard.observe({ ...calm, memoryBytes });
  assert.deepEqual(told, ["soft memoryBytes", "relief"]);
});

test("a breach beside another is said as well", () => {
  const { guard, told } = guarded({ memoryBytes: { soft: 200 }, heapBytes: { soft: 100 } });
  using _guard = guard;
  guard.observe({ ...calm, heapBytes: 110 });
  guard.observe({ ...calm, heapBytes: 120, memoryBytes: 250 });
  guard.observe({ ...calm, memoryBytes: 250 });
  guard.observe(calm);
  assert.deepEqual(told, ["soft heapBytes", "soft memoryBytes,heapBytes", "relief"]);
});

test("a hard limit is acted on once, and limits can change", () => {
  const { guard, told } = guarded({ heapBytes: { hard: 1000 } });
  using _guard = guard;
  guard.observe(calm);
  guard.setLimits({ heapBytes: { hard: 40 } });
  guard.observe(calm);
  guard.observe(calm);
  assert.deepEqual(told, ["hard heapBytes"]);
});

test("real samples come by themselves", async () => {
  const breach = await new Promise<Breach>((resolve) => {
    const guard = new Guard(
      { intervalMs: 5, memoryBytes: { hard: 1 } },
      {
        onSoft: () => {},
        onRelief: () => {},
        onHard: (found) => {
          guard[Symbol.dispose]();
          clearInterval(alive);
          resolve(found);
        },
      },
    );
    const alive = setInterval(() => {}, 1000);
  });
  assert.match(describeBreach(breach), /^memory \d+ MiB is over the hard limit of 0 MiB$/);
});
