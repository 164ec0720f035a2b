/**
 * Requests that fail, and how long they take, while a service of two instances is changed again and again: reloaded every
 * two seconds; scaled to four and back; its supervisor killed; bad versions tried every other time.
 *
 * A hundred clients ask without pause, over kept connections and over one for each request. PM2's cluster mode runs the same
 * program beside it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { lares } from "./contender-lares.ts";
import { pm2 } from "./contender-pm2.ts";
import { startLoad, type Target } from "./http-load.ts";
import { misdeeds, plainNode, type Subject, subjectsIn, versionedIn } from "./reload-tools.ts";
import { type Row, report, small, temporaryDirectory } from "./tools.ts";

const seconds = small ? 3 : Number(process.env.LARES_BENCH_SECONDS ?? 60);
const calmSeconds = small ? 1 : 5;
const everyMs = small ? 1000 : 2000;
const killEveryMs = small ? 1500 : 5000;
const connections = 100;
const bin = path.join(import.meta.dirname, "../bin/lares");

/** What is done to a service under load, over and over: each call is one change. */
interface Change {
  readonly name: string;
  /** @param round counts from 0 */
  once(round: number): Promise<unknown>;
}

type Changes = Readonly<Record<"reload" | "scale" | "kill" | "badVersion", Change>>;

using directory = temporaryDirectory();
const rows: Row[] = [];
const subjects = subjectsIn(directory.path);
await tryLares(versionedIn(directory.path), ({ badVersion }) => [badVersion]);
for (const subject of subjects) await tryLares(subject, ({ reload }) => [reload]);
const [plain] = subjects;
if (plain) await tryLares(plain, ({ scale, kill }) => [scale, kill]);
await tryPm2();
report("reload", rows, [
  `${connections} clients, ${seconds} s for each row, a change every ${everyMs / 1000} s; failed: no whole answer, or one that is not 200`,
  "wanted: none failed; p99 within 3 times that of the same load without changes",
]);

async function tryLares(subject: Subject, choose: (changes: Changes) => readonly Change[]): Promise<void> {
  using home = temporaryDirectory();
  const contender = lares(home.path);
  const file = path.join(home.path, "lares.json");
  writeFileSync(path.join(directory.path, "mode"), "good");
  writeFileSync(file, JSON.stringify({ services: { web: subject.service } }));
  contender.invoke("up", "-f", file);
  try {
    for (const change of choose(changesOf(path.join(home.path, "lares")))) {
      await measure(`lares, ${subject.name}, ${change.name}`, { target: subject.target, change });
    }
  } finally {
    await contender.end();
  }
}

function changesOf(home: string): Changes {
  const invoke = (...args: string[]) => ended(bin, [...args, "--home", home]);
  let killedAt = 0;
  return {
    reload: { name: "reload", once: () => invoke("reload", "web") },
    scale: { name: "scale 2, 4, 2", once: (round) => invoke("scale", round % 2 === 0 ? "web=4" : "web=2") },
    kill: {
      name: "reload, kill -9",
      async once() {
        const reloaded = invoke("reload", "web");
        if (performance.now() - killedAt > killEveryMs) {
          killedAt = performance.now();
          process.kill(Number(readFileSync(path.join(home, "run/lares.pid"), "utf8")), "SIGKILL");
        }
        await reloaded;
      },
    },
    badVersion: {
      name: "bad versions",
      async once(round) {
        const misdeed = round % 2 === 0 ? misdeeds[(round / 2) % misdeeds.length] : "good";
        writeFileSync(path.join(directory.path, "mode"), misdeed ?? "good");
        const code = await invoke("reload", "web");
        if ((code === 0) !== (misdeed === "good"))
          throw new Error(`a version that is ${misdeed}: reload ended with ${code}`);
      },
    },
  };
}

async function tryPm2(): Promise<void> {
  const contender = pm2(directory.path);
  if (contender === null) return;
  const file = path.join(directory.path, "cluster.json");
  const app = { name: "web", script: plainNode, instances: 2, exec_mode: "cluster", env: { PORT: "17304" } };
  writeFileSync(file, JSON.stringify({ apps: [app] }));
  contender.invoke("start", file, "--silent");
  const prefix = process.env.LARES_BENCH_PM2 ?? path.join(directory.path, "pm2");
  const command = [path.join(prefix, "node_modules/pm2/bin/pm2"), "reload", "web"];
  const env = { ...process.env, PM2_HOME: path.join(directory.path, "pm2-home") };
  try {
    await pause(1000);
    const change = { name: "reload", once: () => ended(process.execPath, command, env) };
    await measure("pm2 cluster, node http, reload", { target: { host: "127.0.0.1", port: 17_304 }, change });
  } finally {
    await contender.end();
  }
}

/** One row for each kind of clients; in a glance the rows take turns. */
async function measure(name: string, { target, change }: { target: Target; change: Change }): Promise<void> {
  for (const keepAlive of small ? [rows.length % 2 === 0] : [true, false]) {
    const calm = startLoad(target, { connections, keepAlive });
    await pause(calmSeconds * 1000);
    const { p99Ms: calmMs } = await calm();
    const end = startLoad(target, { connections, keepAlive });
    const deadline = performance.now() + seconds * 1000;
    let changes = 0;
    for (; performance.now() < deadline; changes++) await Promise.all([change.once(changes), pause(everyMs)]);
    const { rate, failures, p99Ms, maxMs } = await end();
    const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
    const figures = { changes, "requests/s": rate, failed, "p99 ms": p99Ms, "p99 ms, calm": calmMs, "max ms": maxMs };
    const row = { name: `${name}, ${keepAlive ? "keep-alive" : "one per request"}`, figures };
    rows.push(row);
    // A quarter of an hour is long, and a later row may fail.
    if (!small) console.log(`  ${row.name}: ${JSON.stringify(figures)}`);
    for (const [kind, count] of failures) console.log(`  ${name}: ${count} × ${kind}`);
  }
}

/** Runs a command to its end. @returns its exit code */
async function ended(command: string, args: readonly string[], env = process.env): Promise<number | null> {
  const [code] = await once(spawn(command, args, { stdio: "ignore", env }), "close");
  return code;
}
