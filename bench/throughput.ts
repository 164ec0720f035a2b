/**
 * Requests a second of two instances under Lares, beside two bare processes that share the port by themselves.
 *
 * Lares is not in the way of a request, so there should be no difference. The two take turns, several times: what else the
 * machine does hits both. PM2's cluster, where one process hands every connection to another, is the third.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { lares } from "./contender-lares.ts";
import { pm2 } from "./contender-pm2.ts";
import { childrenOf, cpuPercentOf, installed, quantile, type Row, report, small, temporaryDirectory } from "./tools.ts";

const rounds = small ? 3 : 11;
const seconds = small ? 1 : 5;
const program = path.join(import.meta.dirname, "reuseport-fixture.ts");

/** Two processes that answer on a port, and how to end them. */
interface Pair {
  readonly name: string;
  readonly port: number;
  /** All that take part in an answer. */
  readonly pids: readonly number[];
  end(): Promise<void>;
}

if (!installed("wrk")) throw new Error("wrk is not installed (Debian: apt install wrk)");
using directory = temporaryDirectory();
const pairs = [await underLares(17_311), await bare(17_312), await underPm2(17_313)].filter((pair) => pair !== null);
try {
  const rows: Row[] = [];
  for (const keepAlive of [true, false]) rows.push(...(await compare(keepAlive)));
  report("throughput", rows, [
    `medians of ${rounds} turns of ${seconds} s with 100 connections; wanted: Lares at least as fast as two bare processes`,
  ]);
} finally {
  for (const pair of pairs) await pair.end();
}

async function compare(keepAlive: boolean): Promise<readonly Row[]> {
  const turns = new Map<string, Turn[]>(pairs.map(({ name }) => [name, []]));
  // The first round is for the compiler, and not counted.
  for (let round = 0; round <= rounds; round++) {
    // Nobody is always the one that comes after another.
    const order = pairs.map((_, index) => pairs[(index + round) % pairs.length]);
    for (const pair of order) {
      const turn = pair && (await turnOf(pair, keepAlive));
      if (turn && round > 0) turns.get(pair.name)?.push(turn);
    }
  }
  const median = (name: string, figure: keyof Turn) => {
    const values = (turns.get(name) ?? []).map((turn) => turn[figure]);
    return quantile(values, 0.5);
  };
  return pairs.map(({ name }) => ({
    name: `${name}, ${keepAlive ? "keep-alive" : "one per request"}`,
    figures: {
      "requests/s": median(name, "rate"),
      "of bare": median(name, "rate") / median("bare", "rate"),
      "processor µs each": median(name, "costUs"),
    },
  }));
}

interface Turn {
  readonly rate: number;
  /** Processor time for one request: what else the machine does hardly matters to it. */
  readonly costUs: number;
}

async function turnOf({ port, pids }: Pair, keepAlive: boolean): Promise<Turn> {
  const header = keepAlive ? [] : ["-H", "Connection: close"];
  const args = ["-t1", "-c100", `-d${seconds}s`, ...header, `http://127.0.0.1:${port}/`];
  const wrk = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
  const [said, percent] = await Promise.all([text(wrk.stdout), cpuPercentOf(pids, seconds * 1000)]);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(said)?.[1]);
  return { rate, costUs: ((percent / 100) * 1e6) / rate };
}

async function underLares(port: number): Promise<Pair> {
  const contender = lares(directory.path);
  const file = path.join(directory.path, "throughput.json");
  const listen = { http: `127.0.0.1:${port}` };
  const web = { command: ["node", program], env: { PORT: String(port) }, listen, instances: 2 };
  writeFileSync(file, JSON.stringify({ services: { web } }));
  contender.invoke("up", "-f", file);
  const pids = (JSON.parse(contender.invoke("ls", "--json")) as { pid: number }[]).map(({ pid }) => pid);
  return { name: "lares", port, pids, end: () => contender.end() };
}

async function bare(port: number): Promise<Pair> {
  const env = { ...process.env, PORT: String(port) };
  const children = [0, 1].map(() => spawn(process.execPath, [program], { env, stdio: "ignore" }));
  await listening(port);
  await pause(500);
  const end = async () => {
    const ends = children.map((child) => once(child, "exit"));
    for (const child of children) child.kill();
    await Promise.all(ends);
  };
  return { name: "bare", port, pids: children.flatMap(({ pid }) => pid ?? []), end };
}

async function underPm2(port: number): Promise<Pair | null> {
  const contender = pm2(directory.path);
  if (contender === null) return null;
  const file = path.join(directory.path, "throughput-pm2.json");
  const script = path.join(import.meta.dirname, "../test/fixtures/register/http.mjs");
  const app = { name: "web", script, instances: 2, exec_mode: "cluster", env: { PORT: String(port) } };
  writeFileSync(file, JSON.stringify({ apps: [app] }));
  contender.invoke("start", file, "--silent");
  await listening(port);
  const pids = [...contender.pids(), ...childrenOf(contender.pids())];
  return { name: "pm2 cluster", port, pids, end: () => contender.end() };
}

/** Until somebody accepts. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await pause(20);
  }
}
