import assert from "node:assert/strict";
import { test } from "node:test";
import { createPool } from "./create-pool.ts";
import { PriorityQueue } from "./priority-queue.ts";
import type { PoolOptions } from "./worker-pool.ts";

const file = new URL("./worker.fixture.ts", import.meta.url);
const open = (options: Partial<PoolOptions> = {}) => createPool<object, unknown>({ file, threads: 1, ...options });

test("a task is done on a thread, and what it throws is thrown here", async () => {
  await using pool = await open();
  assert.equal(await pool.run({ do: "echo", value: 7 }), 7);
  await assert.rejects(pool.run({ do: "throw" }), { name: "TypeError", message: "bad task" });
  const { completed, failed } = pool.figures;
  assert.deepEqual([completed, failed], [1, 1]);
});

test("a full queue refuses further tasks, or lets them wait", async () => {
  await using strict = await open({ queueMax: 1 });
  const accepted = [strict.run({ do: "wait", ms: 20 }), strict.run({ do: "echo" })];
  await assert.rejects(strict.run({ do: "echo" }), { code: "busy" });
  await Promise.all(accepted);
  await using patient = await open({ queueMax: 1, whenFull: "wait" });
  const values = await Promise.all([1, 2, 3, 4, 5].map((value) => patient.run({ do: "echo", value })));
  assert.deepEqual(values, [1, 2, 3, 4, 5]);
});

test("higher priorities go first, and equals in their order", async () => {
  await using pool = await open();
  const order: unknown[] = [];
  const run = async (value: string, priority: number) =>
    void order.push(await pool.run({ do: "echo", value }, { priority }));
  await Promise.all([run("running", 0), run("low", 0), run("high", 9), run("low too", 0), run("high too", 9)]);
  assert.deepEqual(order, ["running", "high", "high too", "low", "low too"]);
});

test("a task that loops for ever is ended at its timeout, and the pool goes on", async () => {
  await using pool = await open({ timeoutMs: 300 });
  await assert.rejects(pool.run({ do: "loop" }), { code: "timed_out" });
  assert.equal(await pool.run({ do: "echo", value: 1 }, { timeoutMs: 60_000 }), 1);
});

test("an aborted task is rejected with the reason: before, in the queue, and while it runs", async () => {
  await using pool = await open();
  const reason = new Error("no longer needed");
  await assert.rejects(pool.run({ do: "echo" }, { signal: AbortSignal.abort(reason) }), reason);
  const running = new AbortController();
  const queued = new AbortController();
  const tasks = [
    assert.rejects(pool.run({ do: "loop" }, { signal: running.signal }), reason),
    assert.rejects(pool.run({ do: "echo" }, { signal: queued.signal }), reason),
  ];
  const last = pool.run({ do: "echo", value: "still works" });
  queued.abort(reason);
  assert.equal(pool.figures.queued, 1);
  running.abort(reason);
  await Promise.all(tasks);
  assert.equal(await last, "still works");
});

test("a signal aborted after the end changes nothing, and keeps no listener", async () => {
  await using pool = await open();
  const controller = new AbortController();
  for (let round = 0; round < 20; round += 1) await pool.run({ do: "echo" }, { signal: controller.signal });
  controller.abort();
  assert.equal(await pool.run({ do: "echo", value: 1 }), 1);
});

test("aborting many tasks at once leaves no thread stuck", async () => {
  await using pool = await open({ threads: 2 });
  const controller = new AbortController();
  const tasks = Array.from({ length: 40 }, () => pool.run({ do: "wait", ms: 1000 }, { signal: controller.signal }));
  const settled = Promise.allSettled(tasks);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  assert.ok((await settled).every(({ status }) => status === "rejected"));
  assert.deepEqual(await Promise.all([1, 2, 3].map((value) => pool.run({ do: "echo", value }))), [1, 2, 3]);
  assert.equal(pool.figures.queued, 0);
});

test("a thread that ends or crashes fails its task, and is replaced", async () => {
  await using pool = await open();
  await assert.rejects(pool.run({ do: "exit" }), { code: "operation_failed" });
  await assert.rejects(pool.run({ do: "crash" }), /outside of the task/);
  assert.equal(await pool.run({ do: "echo", value: 1 }), 1);
});

test("a buffer is moved rather than copied", async () => {
  await using pool = await open();
  const buffer = new ArrayBuffer(1024);
  assert.equal(await pool.run({ do: "size", buffer }, { transfer: [buffer] }), 1024);
  assert.equal(buffer.byteLength, 0);
});

test("the number of threads changes while the pool works", async () => {
  await using pool = await open({ threads: 1, threadsMax: 4 });
  const tasks = Array.from({ length: 4 }, () => pool.run({ do: "wait", ms: 100 }));
  assert.equal(pool.figures.running, 1);
  pool.resize(4);
  assert.equal(pool.figures.running, 4);
  await Promise.all(tasks);
  assert.throws(() => pool.resize(5), { code: "usage" });
});

test("draining finishes what runs and waits, and takes nothing more", async () => {
  const pool = await open();
  const tasks = [1, 2, 3].map((value) => pool.run({ do: "echo", value }));
  const drained = pool.drain();
  await assert.rejects(pool.run({ do: "echo" }), { code: "busy" });
  assert.deepEqual(await Promise.all(tasks), [1, 2, 3]);
  await drained;
});

test("an aborted drain ends what runs", async () => {
  const pool = await open();
  const task = assert.rejects(pool.run({ do: "loop" }));
  const waiting = assert.rejects(pool.run({ do: "echo" }), { code: "busy" });
  await pool.drain(AbortSignal.timeout(200));
  await Promise.all([task, waiting]);
});

test("the queue forgets what is removed", () => {
  const queue = new PriorityQueue<string>();
  queue.add("a", 1);
  queue.add("b", 2);
  queue.remove("b", 2);
  queue.remove("b", 2);
  assert.deepEqual([queue.size, queue.take(), queue.take(), queue.size], [1, "a", undefined, 0]);
});
