/**
 * Requests that fail while examples/mydaemon upgrades itself again and again, without any supervisor.
 *
 * wrk asks over kept connections, then over one for each request. Half-way through a version that cannot start is tried.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { alive, installed, type Row, report, small, temporaryDirectory, until } from "./tools.ts";

const upgrades = small ? 3 : 20;
/** Below the ports that the kernel gives to clients, of which some thousands are used here. */
const port = 17_401;
const main = path.join(import.meta.dirname, "../examples/mydaemon/main.ts");
const sources = path.join(import.meta.dirname, "../test/integration/daemon-resolve.ts");

if (!installed("wrk")) throw new Error("wrk is not installed (Debian: apt install wrk)");
const rows = [await trial("kept", []), await trial("closed", ["-H", "Connection: close"])];
report("daemon-upgrade", rows, [
  `${upgrades} upgrades each, and one to a version that cannot start; failed: connect, read, write errors and answers that are not 2xx or 3xx`,
]);

async function trial(name: string, headers: readonly string[]): Promise<Row> {
  using home = temporaryDirectory();
  const daemon = daemonIn(home.path);
  daemon.configure({});
  daemon.verb("start", "--daemon");
  const load = spawn("wrk", ["-t1", "-c50", "-d600s", ...headers, `http://127.0.0.1:${port}/`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const began = performance.now();
  for (let round = 0; round < upgrades; round += 1) {
    if (round === Math.floor(upgrades / 2)) refuseBadVersion(daemon);
    const before = daemon.pid();
    daemon.verb("upgrade");
    await until("the predecessor ends", () => !alive(before));
  }
  const each = (performance.now() - began) / upgrades;
  const figures = await resultOf(load);
  daemon.verb("stop");
  return { name, figures: { ...figures, "ms each": Math.round(each) } };
}

/** wrk reports when it is interrupted, too. */
async function resultOf(load: ChildProcess): Promise<{ requests: number; failed: number }> {
  load.kill("SIGINT");
  const said = load.stdout ? await text(load.stdout) : "";
  const [, connect, read, write, timeout] = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    said,
  ) ?? [0, 0, 0, 0, 0];
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(said)?.[1] ?? 0;
  const failed = [connect, read, write, timeout, bad].reduce<number>((sum, count) => sum + Number(count), 0);
  return { requests: Number(/(\d+) requests in/.exec(said)?.[1]), failed };
}

function refuseBadVersion(daemon: ReturnType<typeof daemonIn>): void {
  const before = daemon.pid();
  // What runs refuses the file too, and goes on with what it has.
  daemon.configure({ worker_count: 0 });
  if (daemon.run("upgrade").status === 0) throw new Error("a version that cannot start took over");
  if (daemon.pid() !== before) throw new Error("the old version does not serve any more");
  daemon.configure({});
}

function daemonIn(directory: string) {
  const file = path.join(directory, "config.json");
  const env = { ...process.env, RUNTIME_DIRECTORY: directory, LOGS_DIRECTORY: directory, STATE_DIRECTORY: directory };
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["--import", sources, main, ...args, "--config", file], { encoding: "utf8", env });
  return {
    run,
    verb(...args: string[]): void {
      const { status, stderr } = run(...args);
      if (status !== 0) throw new Error(`${args[0]} ended with ${status}: ${stderr}`);
    },
    configure(config: object): void {
      const usual = { port, health_port: port + 1, log_level: "warn" };
      writeFileSync(file, JSON.stringify({ ...usual, ...config }));
    },
    pid: () => Number(readFileSync(path.join(directory, "mydaemon.pid"), "utf8")),
  };
}
