import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Contender } from "./contender.ts";
import { run } from "./tools.ts";

/**
 * PM2, from npm into the given directory: it is AGPL, and only a rival here, never a dependency.
 *
 * `LARES_BENCH_PM2` may name the directory of an earlier `npm install pm2`.
 *
 * @returns null where it cannot be installed
 */
export function pm2(directory: string): (Contender & { invoke: (...args: string[]) => string }) | null {
  const earlier = process.env.LARES_BENCH_PM2;
  const prefix = earlier ?? path.join(directory, "pm2");
  try {
    if (earlier === undefined)
      run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", prefix, "pm2"]);
  } catch {
    return null;
  }
  const home = path.join(directory, "pm2-home");
  const file = path.join(directory, "ecosystem.json");
  const pm2Command = path.join(prefix, "node_modules/pm2/bin/pm2");
  const invoke = (...args: string[]): string =>
    run([process.execPath, pm2Command, ...args], { env: { PM2_HOME: home, PM2_DISCRETE_MODE: "1" } });
  return {
    name: "pm2",
    invoke,
    async start(programs) {
      const apps = programs.map(({ name, command: [script, ...args] }) => {
        return { name, script, args, interpreter: "none", min_uptime: 500, max_restarts: 1000 };
      });
      writeFileSync(file, JSON.stringify({ apps }));
      invoke("start", file, "--silent");
    },
    stop: (names) => void invoke("stop", ...names, "--silent"),
    pids: () => [Number(readFileSync(path.join(home, "pm2.pid"), "utf8"))],
    end: async () => void invoke("kill", "--silent"),
  };
}
