import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Contender } from "./contender.ts";
import { alive, installed, run, until } from "./tools.ts";

/** supervisord, Debian's package `supervisor`. Null where it is not installed. */
export function supervisord(directory: string): Contender | null {
  if (!installed("supervisord")) return null;
  const at = (name: string): string => path.join(directory, `supervisord.${name}`);
  const pid = (): number => Number(readFileSync(at("pid"), "utf8"));
  return {
    name: "supervisord",
    async start(programs) {
      const sections = programs.map(({ name, command }) => `[program:${name}]\ncommand=${command.join(" ")}\n`);
      writeFileSync(at("conf"), `${settings(at)}${sections.join("")}`);
      run(["supervisord", "-c", at("conf")]);
    },
    stop: (names) => void run(["supervisorctl", "-c", at("conf"), "stop", ...names]),
    pids: () => [pid()],
    async end() {
      const daemon = pid();
      run(["supervisorctl", "-c", at("conf"), "shutdown"]);
      await until("supervisord is gone", () => !alive(daemon));
    },
  };
}

/** It opens two pipes and a log for each program; `minfds` lets a thousand of them fit. */
function settings(at: (name: string) => string): string {
  return [
    "[supervisord]",
    `pidfile=${at("pid")}`,
    `logfile=${at("log")}`,
    `childlogdir=${path.dirname(at("log"))}`,
    "minfds=8192",
    "[unix_http_server]",
    `file=${at("sock")}`,
    "[rpcinterface:supervisor]",
    "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    "[supervisorctl]",
    `serverurl=unix://${at("sock")}`,
    "",
  ].join("\n");
}
