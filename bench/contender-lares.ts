import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Contender } from "./contender.ts";
import { run } from "./tools.ts";

const laresCommand = path.join(import.meta.dirname, "../bin/lares");

/** Lares as a person uses it: its commands, and nothing else. */
export function lares(directory: string): Contender & { invoke: (...args: string[]) => string } {
  const home = path.join(directory, "lares");
  const file = path.join(directory, "lares.json");
  const invoke = (...args: string[]): string => run([laresCommand, ...args, "--home", home]);
  return {
    name: "lares",
    invoke,
    async start(programs) {
      // Every kill of a trial is to find a stable service, and no limit is to end the trial. (The delays are not used: a
      // stable service is restarted at once. With longer ones that limit could never be reached, and is refused.)
      const restart = { stable_after: "500ms", delay: "1ms", delay_max: "10ms", intensity: 1000 };
      const services = Object.fromEntries(programs.map(({ name, command }) => [name, { command, restart }]));
      writeFileSync(file, JSON.stringify({ services }));
      invoke("up", "-f", file);
      const states = (JSON.parse(invoke("ls", "--json")) as { state: string }[]).filter(({ state }) => state === "up");
      if (states.length !== programs.length) throw new Error(`${states.length} of ${programs.length} services are up`);
    },
    stop: (names) => void invoke("stop", ...names),
    pids: () => ["lares.pid", "keeper.pid"].map((name) => Number(readFileSync(path.join(home, "run", name), "utf8"))),
    end: async () => void invoke("down"),
  };
}
