import { nearest } from "../config/nearest.ts";
import { LaresError } from "../core/errors.ts";
import type { Command, CommandEntry, OptionTable } from "./command.ts";

/** Every command, in the order of `lares --help`. Each is loaded only when it is called. */
export const commands: readonly CommandEntry[] = [
  {
    name: "up",
    summary: "start the supervisor if none runs, apply the file, wait",
    load: () => import("./commands/up.ts"),
  },
  { name: "down", summary: "stop everything, then the supervisor", load: () => import("./commands/down.ts") },
  { name: "apply", summary: "show what would change, then change it", load: () => import("./commands/apply.ts") },
  { name: "start", summary: "start services, or any program", load: () => import("./commands/start.ts") },
  { name: "stop", summary: "stop services, and keep them stopped", load: () => import("./commands/stop.ts") },
  { name: "restart", summary: "stop services and start them again", load: () => import("./commands/restart.ts") },
  { name: "reload", summary: "replace instances without losing a request", load: () => import("./commands/reload.ts") },
  { name: "scale", summary: "change how many instances run", load: () => import("./commands/scale.ts") },
  { name: "signal", summary: "send a signal to services", load: () => import("./commands/signal.ts") },
  { name: "reset", summary: "forget failures and restart counts", load: () => import("./commands/reset.ts") },
  { name: "delete", summary: "stop services and forget them", load: () => import("./commands/delete.ts") },
  { name: "ls", summary: "list instances", load: () => import("./commands/ls.ts") },
  { name: "describe", summary: "show everything about a service", load: () => import("./commands/describe.ts") },
  { name: "top", summary: "watch instances live", load: () => import("./commands/top.ts") },
  { name: "logs", summary: "show what services wrote", load: () => import("./commands/logs.ts") },
  { name: "events", summary: "show what the supervisor saw and decided", load: () => import("./commands/events.ts") },
  { name: "check", summary: "validate a configuration file", load: () => import("./commands/check.ts") },
  { name: "doctor", summary: "show what this host can and cannot do", load: () => import("./commands/doctor.ts") },
  {
    name: "upgrade",
    summary: "replace the supervisor by what is installed now",
    load: () => import("./commands/upgrade.ts"),
  },
  { name: "completion", summary: "print a completion script", load: () => import("./commands/completion.ts") },
  {
    name: "version",
    summary: "show the versions of command and supervisor",
    load: () => import("./commands/version.ts"),
  },
];

/**
 * Loads a command by its name.
 *
 * @throws LaresError `usage` naming the nearest command.
 */
export async function loadCommand(name: string): Promise<Command<OptionTable>> {
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry !== undefined) return (await entry.load()).command;
  const guess = nearest(
    name,
    commands.map((candidate) => candidate.name),
  );
  throw new LaresError("usage", `Cannot run "${name}": there is no such command`, {
    hint: guess === undefined ? "List the commands with `lares --help`." : `Did you mean \`lares ${guess}\`?`,
  });
}
