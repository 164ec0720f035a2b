import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Contender } from "./contender.ts";
import { alive, childrenOf, installed, run, until } from "./tools.ts";

/** runit: one `runsv` for each program, found by `runsvdir`. Null where Debian's package is not installed. */
export function runit(directory: string): Contender | null {
  if (!installed("runsvdir")) return null;
  const services = path.join(directory, "runit");
  let scanner: ChildProcess | undefined;
  return {
    name: "runit",
    async start(programs) {
      for (const { name, command } of programs) {
        mkdirSync(path.join(services, name), { recursive: true });
        writeFileSync(path.join(services, name, "run"), `#!/bin/sh\nexec ${command.join(" ")}\n`, { mode: 0o755 });
      }
      scanner = spawn("runsvdir", [services], { stdio: "ignore" });
    },
    stop: (names) => void run(["sv", "-w", "60", "stop", ...names.map((name) => path.join(services, name))]),
    pids() {
      const root = scanner?.pid;
      return root === undefined ? [] : [root, ...childrenOf([root])];
    },
    async end() {
      const root = scanner?.pid;
      if (root === undefined) return;
      const keepers = childrenOf([root]);
      scanner?.kill("SIGHUP"); // runsvdir sends TERM to every runsv, which stop their programs and end
      await until("every runsv is gone", () => keepers.every((pid) => !alive(pid)));
    },
  };
}
