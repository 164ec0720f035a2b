/**
 * Requests that fail, and how long they take, while a service of two instances is reloaded every two seconds.
 *
 * wrk asks over 100 connections, kept alive and one for each request. PM2's cluster mode runs the same program beside it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { lares } from "./contender-lares.ts";
import { pm2 } from "./contender-pm2.ts";
import { installed, type Row, report, small, temporaryDirectory } from "./tools.ts";

const seconds = small ? 8 : 60;
const everyMs = 2000;
const root = path.join(import.meta.dirname, "..");
const fixtures = path.join(root, "test/fixtures/register");

interface Subject {
  readonly name: string;
  readonly port: number;
  readonly service: object;
}

const node = (file: string, port: number) => ({
  command: ["node", path.join(fixtures, file)],
  env: { PORT: String(port) },
  listen: { http: `127.0.0.1:${port}` },
});
const python = path.join(root, "examples/other-languages/python-http/server.py");
/** The ports are below those that the kernel gives to clients, of which some thousands are used here. */
const subjects: readonly Subject[] = [
  { name: "node http", port: 17_301, service: node("http.mjs", 17_301) },
  { name: "express", port: 17_302, service: node("express.mjs", 17_302) },
  {
    name: "python",
    port: 17_303,
    service: { command: ["python3", "-u", python], listen: { http: "127.0.0.1:17303" }, ready: "notify" },
  },
];

if (!installed("wrk")) throw new Error("wrk is not installed (Debian: apt install wrk)");
using directory = temporaryDirectory();
const bin = path.join(root, "bin/lares");
const pm2Home = path.join(directory.path, "pm2-home");
const rows: Row[] = [];
for (const subject of subjects) await tryLares(subject);
await tryPm2();
report("reload", rows, [
  `${seconds} s each, a reload every ${everyMs / 1000} s; failed: connect, read, write errors and answers that are not 2xx or 3xx`,
]);

async function tryLares({ name, port, service }: Subject): Promise<void> {
  using home = temporaryDirectory();
  const contender = lares(home.path);
  const file = path.join(directory.path, `${name}.json`);
  const reload = { settle: "200ms" };
  writeFileSync(file, JSON.stringify({ services: { web: { ...service, instances: 2, reload } } }));
  contender.invoke("up", "-f", file);
  try {
    await measure(`lares, ${name}`, {
      port,
      reload: [bin, ["reload", "web", "--home", path.join(home.path, "lares")]],
    });
  } finally {
    await contender.end();
  }
}

async function tryPm2(): Promise<void> {
  const contender = pm2(directory.path);
  if (contender === null) return;
  const file = path.join(directory.path, "cluster.json");
  const prefix = process.env.LARES_BENCH_PM2 ?? path.join(directory.path, "pm2");
  const command = path.join(prefix, "node_modules/pm2/bin/pm2");
  const app = { name: "web", script: path.join(fixtures, "http.mjs"), instances: 2, exec_mode: "cluster" };
  writeFileSync(file, JSON.stringify({ apps: [{ ...app, env: { PORT: "17304" } }] }));
  contender.invoke("start", file, "--silent");
  try {
    await pause(1000);
    await measure("pm2 cluster, node http", { port: 17_304, reload: [process.execPath, [command, "reload", "web"]] });
  } finally {
    await contender.end();
  }
}

async function measure(
  name: string,
  { port, reload }: { port: number; reload: readonly [string, readonly string[]] },
): Promise<void> {
  for (const keepAlive of [true, false]) {
    const calm = await load(port, { keepAlive, forSeconds: Math.min(5, seconds) });
    const running = load(port, { keepAlive, forSeconds: seconds });
    const deadline = performance.now() + (seconds - 1) * 1000;
    let reloads = 0;
    while (performance.now() < deadline) {
      const next = pause(everyMs);
      await once(spawn(...reload, { stdio: "ignore", env: { ...process.env, PM2_HOME: pm2Home } }), "close");
      reloads += 1;
      await next;
    }
    const shaken = await running;
    const figures = {
      reloads,
      "requests/s": shaken.rate,
      failed: shaken.failed,
      "p99 ms": shaken.p99Ms,
      "p99 ms, calm": calm.p99Ms,
    };
    rows.push({ name: `${name}, ${keepAlive ? "keep-alive" : "one per request"}`, figures });
  }
}

interface Load {
  readonly rate: number;
  readonly failed: number;
  readonly p99Ms: number;
}

async function load(port: number, options: { keepAlive: boolean; forSeconds: number }): Promise<Load> {
  const header = options.keepAlive ? [] : ["-H", "Connection: close"];
  const args = ["-t1", "-c100", `-d${options.forSeconds}s`, "--latency", ...header, `http://127.0.0.1:${port}/`];
  const child = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await once(child, "close");
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? "0";
  const [, value = "NaN", unit = "ms"] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  const scale = { us: 0.001, ms: 1, s: 1000 }[unit] ?? 1;
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    failed: [...errors, bad].reduce((sum, count) => sum + Number(count), 0),
    p99Ms: Number(value) * scale,
  };
}
