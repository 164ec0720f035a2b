import assert from "node:assert/strict";
import { test } from "node:test";
import { Listeners } from "../listeners.ts";
import { createHealthServer } from "./endpoints.ts";
import { Health } from "./health.ts";

async function serving(health: Health, run: (base: string) => Promise<void>): Promise<void> {
  const listeners = new Listeners({});
  const address = await listeners.listen(createHealthServer({ health }), { port: 0, host: "127.0.0.1" });
  try {
    await run(`http://${address}`);
  } finally {
    await listeners.drain({ idlePauseMs: 0 });
    health[Symbol.dispose]();
  }
}

test("a healthy program answers 200 with its figures", async () => {
  const health = new Health();
  health.check("database", () => {});
  health.becameReady();
  await serving(health, async (base) => {
    const answer = await fetch(`${base}/health`);
    assert.equal(answer.status, 200);
    const report = (await answer.json()) as Record<string, unknown>;
    assert.equal(report.status, "ok");
    for (const figure of ["uptime", "memory_use", "event_loop_delay_ms", "active_handles", "workers"]) {
      assert.equal(typeof report[figure], "number", figure);
    }
    assert.equal(report.last_error, null);
    assert.equal((await fetch(`${base}/livez`)).status, 200);
    assert.equal(await (await fetch(`${base}/readyz?verbose`)).text(), "[+]lifecycle ok\n[+]database ok\nok\n");
    assert.equal((await fetch(`${base}/elsewhere`)).status, 404);
    assert.equal((await fetch(`${base}/health`, { method: "POST" })).status, 405);
  });
});

test("a failed check makes it unready and says why, but it stays alive", async () => {
  const health = new Health();
  health.check("database", () => Promise.reject(new Error("connection refused")));
  health.check("cache", () => false, { critical: false });
  health.becameReady();
  health.recordError(new Error("boom"));
  await serving(health, async (base) => {
    const answer = await fetch(`${base}/health`);
    assert.equal(answer.status, 503);
    const report = (await answer.json()) as { status: string; last_error: string };
    assert.deepEqual([report.status, report.last_error], ["failing", "boom"]);
    const ready = await fetch(`${base}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /\[-\]database failed: connection refused\n\[-\]cache failed: it said no\nnot ok/);
    assert.equal((await fetch(`${base}/livez`)).status, 200);
  });
});

test("only its critical checks decide", async () => {
  const health = new Health();
  health.check("cache", () => false, { critical: false });
  health.becameReady();
  assert.equal((await health.report()).status, "ok");
  assert.equal((await health.ready()).ok, true);
  health[Symbol.dispose]();
});

test("a check that hangs fails in time, is told to give up, and is not asked again beside itself", async () => {
  const health = new Health();
  let asked = 0;
  let aborted = false;
  health.check(
    "hangs",
    (signal) => {
      asked += 1;
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => {});
    },
    { timeoutMs: 20, cacheMs: 0 },
  );
  health.becameReady();
  const keepAlive = setInterval(() => {}, 1000);
  assert.equal((await health.report()).checks.hangs?.reason, "no answer within 20 ms");
  await Promise.all([health.report(), health.ready(), health.report()]);
  clearInterval(keepAlive);
  assert.equal(asked, 1);
  assert.equal(aborted, true);
  health[Symbol.dispose]();
});

test("many probes ask a check once", async () => {
  const health = new Health();
  let asked = 0;
  health.check("counts", async () => {
    asked += 1;
  });
  health.becameReady();
  await Promise.all(Array.from({ length: 50 }, () => health.report()));
  await health.ready();
  assert.equal(asked, 1);
  health[Symbol.dispose]();
});

test("starting, shedding and draining are not ready", async () => {
  const health = new Health();
  assert.equal((await health.report()).status, "starting");
  health.becameReady();
  health.shed("memory");
  assert.deepEqual((await health.ready()).lines, ["[-]lifecycle failed: shedding load: memory"]);
  health.shed(undefined);
  assert.equal((await health.ready()).ok, true);
  health.beginDrain();
  assert.equal((await health.report()).status, "draining");
  health[Symbol.dispose]();
});
