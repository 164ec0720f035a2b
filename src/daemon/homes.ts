/** Where a daemon keeps what it writes, when nobody says so. */
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/** The directories of one daemon: those systemd made for it, else the usual ones of root or of the user. */
export interface Homes {
  /** For the PID file and sockets. */
  readonly run: string;
  /** For crash reports. */
  readonly state: string;
  readonly log: string;
}

export function homesOf(name: string, env: Readonly<Record<string, string | undefined>> = process.env): Homes {
  const isRoot = process.getuid?.() === 0;
  const state = env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
  const run = env.XDG_RUNTIME_DIR ?? join(tmpdir(), `${name}-${process.getuid?.() ?? 0}`);
  // systemd lists several, separated by colons; the first is the main one.
  const given = (variable: string) => env[variable]?.split(":")[0];
  return {
    run: given("RUNTIME_DIRECTORY") ?? (isRoot ? join("/run", name) : join(run, name)),
    state: given("STATE_DIRECTORY") ?? (isRoot ? join("/var/lib", name) : join(state, name)),
    log: given("LOGS_DIRECTORY") ?? (isRoot ? join("/var/log", name) : join(state, name, "log")),
  };
}
