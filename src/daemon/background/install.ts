/** `install`: a systemd unit for this daemon. */
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { LaresError } from "../../core/errors.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Program, VerbOptions } from "./program.ts";

export async function install<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const unit = composeUnit({
    name: daemon.definition.name,
    graceMs: daemon.definition.graceMs ?? 10_000,
    command: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
    ...options,
  });
  if (options.print) {
    process.stdout.write(unit);
    return exitCodes.done;
  }
  const isRoot = process.getuid?.() === 0;
  const directory = isRoot ? "/etc/systemd/system" : join(homedir(), ".config/systemd/user");
  const path = join(directory, `${daemon.definition.name}.service`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, unit);
  } catch (cause) {
    throw new LaresError("io", `Cannot write unit "${path}": ${(cause as NodeJS.ErrnoException).code}`, {
      hint: "Write it where you can with `install --print`.",
      cause,
    });
  }
  const systemctl = isRoot ? "systemctl" : "systemctl --user";
  process.stdout.write(
    `wrote ${path}\n${systemctl} daemon-reload && ${systemctl} enable --now ${daemon.definition.name}\n`,
  );
  return exitCodes.done;
}

export interface UnitRequest {
  readonly name: string;
  readonly graceMs: number;
  /** The program and its arguments, without a verb. */
  readonly command: readonly string[];
  readonly type: "notify" | "forking";
  readonly user: string | undefined;
  readonly configFile: string | undefined;
}

/** The text of a unit that `systemd-analyze verify` accepts. */
export function composeUnit(request: UnitRequest): string {
  const { name, type, user, configFile } = request;
  const config = configFile === undefined ? [] : ["--config", configFile];
  const pidFile = `/run/${name}/${name}.pid`;
  const verb = type === "forking" ? ["start", "--daemon", "--pid-file", pidFile] : ["run"];
  const ofType =
    type === "forking"
      ? ["Type=forking", `PIDFile=${pidFile}`, "ExecStop=/bin/kill -TERM $MAINPID"]
      : ["Type=notify", "NotifyAccess=main", "WatchdogSec=30"];
  return `[Unit]
Description=${name}
After=network-online.target
Wants=network-online.target

[Service]
${ofType.join("\n")}
ExecStart=${[...request.command, ...verb, ...config].map(quote).join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=500ms
# A configuration that is not valid does not become so by trying again.
RestartPreventExitStatus=${exitCodes.configuration}
TimeoutStopSec=${Math.ceil(request.graceMs / 1000) + 5}
RuntimeDirectory=${name}
StateDirectory=${name}
LogsDirectory=${name}
${user === undefined ? "" : `User=${user}\n`}
[Install]
WantedBy=multi-user.target
`;
}

/** As systemd.service(5) reads words: quotes, backslashes, and `%` and `$` doubled. */
function quote(word: string): string {
  const text = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
