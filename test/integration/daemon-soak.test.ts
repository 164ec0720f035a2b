import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const entry = new URL("../../src/daemon/index.ts", import.meta.url).href;

test("1,000 reloads in a row leave no memory, listener or descriptor behind", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "lares-soak-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const program = `
    import { readdirSync, writeFileSync } from "node:fs";
    import { defineDaemon } from ${JSON.stringify(entry)};
    import { z } from "zod";

    const file = ${JSON.stringify(join(directory, "config.json"))};
    writeFileSync(file, "{}");
    let told = 0;
    const daemon = defineDaemon({
      name: "soak",
      config: { schema: z.object({ round: z.number().default(0) }), file, watch: false },
      log: { file: ${JSON.stringify(join(directory, "app.log"))}, maxSizeBytes: 20_000, keep: 2 },
      guard: { memoryBytes: { hard: 4e9 } },
      start: () => ({ reload: () => void (told += 1) }),
    });
    const running = await daemon.run();
    let round = 0;
    const reload = async (times) => {
      for (let time = 0; time < times; time += 1) {
        writeFileSync(file, JSON.stringify({ round: (round += 1) }));
        await running.reload();
      }
      gc();
      const { heapUsed: heap, rss } = process.memoryUsage();
      return { heap, rss, open: readdirSync("/proc/self/fd").length };
    };
    await reload(300);
    const before = await reload(100);
    const after = await reload(1000);
    const listeners = process.eventNames().map((name) => process.listenerCount(name));
    await running.stop();
    console.log(JSON.stringify({ told, before, after, listeners }));`;
  const flags = ["--expose-gc", "--disable-warning=ExperimentalWarning", "--input-type=module-typescript"];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "-e", program], {
    encoding: "utf8",
    cwd: join(import.meta.dirname, "../.."),
  });
  assert.equal(stderr, "");
  const { told, before, after, listeners } = JSON.parse(stdout);
  assert.equal(told, 1400);
  assert.ok(after.heap - before.heap < 1_000_000, `the heap grew by ${after.heap - before.heap} bytes`);
  // Pages that the allocator keeps come and go; a leak of 10 kB for each reload would show.
  assert.ok(after.rss - before.rss < 10_000_000, `the process grew by ${after.rss - before.rss} bytes`);
  assert.equal(after.open, before.open);
  assert.ok(Math.max(...listeners) < 5);
});
