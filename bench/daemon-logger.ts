/**
 * Our logger beside pino with its own asynchronous file transport, each in a process of its own, rotation on for ours.
 *
 * usage: node bench/daemon-logger.ts [LINES]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import pino from "pino";
import { createLogger } from "../src/daemon/log/create-logger.ts";

const rivals = ["lares", "pino worker transport"] as const;

interface Result {
  readonly linesPerSecond: number;
  readonly cpuSecondsPerMillion: number;
}

async function run(
  rival: (typeof rivals)[number],
  directory: string,
): Promise<() => { log: pino.Logger; end: () => Promise<void> }> {
  const file = join(directory, "app.log");
  switch (rival) {
    case "lares": {
      const handle = await createLogger({ file, maxSizeBytes: 20 * 1024 ** 2 });
      return () => ({ log: handle.log, end: async () => handle[Symbol.asyncDispose]() });
    }
    case "pino worker transport": {
      const transport = pino.transport({ target: "pino/file", options: { destination: file } });
      await new Promise((resolve) => transport.once("ready", resolve));
      const end = () =>
        new Promise<void>((resolve) => {
          transport.once("close", resolve);
          transport.end();
        });
      return () => ({ log: pino(transport), end });
    }
  }
}

async function measure(rival: (typeof rivals)[number], lines: number): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "lares-bench-"));
  // Pino's transport does not keep the process alive while it ends.
  const alive = setInterval(() => {}, 1000);
  try {
    const { log, end } = (await run(rival, directory))();
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (let line = 0; line < lines; line += 1) {
      log.info({ request: line, path: "/orders/7", ms: 12.5 }, "request answered");
      if (line % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
    }
    await end();
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { linesPerSecond: lines / seconds, cpuSecondsPerMillion: (user + system) / lines };
  } finally {
    clearInterval(alive);
    rmSync(directory, { recursive: true });
  }
}

/** The delay of the event loop while 50,000 lines are logged each second. */
async function loopDelay(seconds: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "lares-bench-"));
  await using handle = await createLogger({ file: join(directory, "app.log"), maxSizeBytes: 20 * 1024 ** 2 });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let tick = 0; tick < seconds * 100; tick += 1) {
    for (let line = 0; line < 500; line += 1) handle.log.info({ line, path: "/orders/7" }, "request answered");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  rmSync(directory, { recursive: true });
  return delay.percentile(99) / 1e6 - 1;
}

const [first, second] = process.argv.slice(2);
if (first === "one") {
  const rival = rivals[Number(second)] ?? "lares";
  await measure(rival, 50_000);
  console.log(JSON.stringify(await measure(rival, Number(process.argv[4]))));
} else if (first === "delay") {
  console.log(await loopDelay(5));
} else {
  const lines = first ?? "500000";
  const results = rivals.map((rival, index) => {
    const runs = [1, 2, 3].map(
      () =>
        JSON.parse(
          spawnSync(process.execPath, [import.meta.filename, "one", String(index), lines], {
            stdio: ["ignore", "pipe", "inherit"],
          }).stdout.toString(),
        ) as Result,
    );
    return { rival, ...runs.sort((a, b) => a.cpuSecondsPerMillion - b.cpuSecondsPerMillion)[1] };
  });
  console.table(results);
  console.log(
    "p99 event loop delay at 50,000 lines/s, ms:",
    spawnSync(process.execPath, [import.meta.filename, "delay"])
      .stdout.toString()
      .trim(),
  );
}
