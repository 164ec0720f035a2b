import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Contender } from "./contender.ts";
import { alive, childrenOf, installed, run, until } from "./tools.ts";

/** s6: one `s6-supervise` for each program, under `s6-svscan`. Null where Debian's package is not installed. */
export function s6(directory: string): Contender | null {
  if (!installed("s6-svscan")) return null;
  const services = path.join(directory, "s6");
  let scanner: ChildProcess | undefined;
  return {
    name: "s6",
    async start(programs) {
      for (const { name, command } of programs) {
        mkdirSync(path.join(services, name), { recursive: true });
        writeFileSync(path.join(services, name, "run"), `#!/bin/sh\nexec ${command.join(" ")}\n`, { mode: 0o755 });
      }
      scanner = spawn("s6-svscan", ["-c", String(programs.length + 10), services], { stdio: "ignore" });
    },
    stop(names) {
      for (const name of names) run(["s6-svc", "-d", path.join(services, name)]);
      run(["s6-svwait", "-d", ...names.map((name) => path.join(services, name))]);
    },
    pids() {
      const root = scanner?.pid;
      return root === undefined ? [] : [root, ...childrenOf([root])];
    },
    async end() {
      const root = scanner?.pid;
      if (root === undefined) return;
      const keepers = childrenOf([root]);
      run(["s6-svscanctl", "-t", services]);
      await until("every s6-supervise is gone", () => keepers.every((pid) => !alive(pid)));
    },
  };
}
