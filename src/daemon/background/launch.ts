/** `start --daemon`: the program in the background, and an answer when it is ready. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { LaresError } from "../../core/errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { homesOf } from "../homes.ts";
import { runningPid } from "../pid-file.ts";
import { backgroundVariable } from "./foreground.ts";
import type { Program, VerbOptions } from "./program.ts";

/**
 * Starts the program in a session of its own, without a terminal, and waits until it is ready.
 *
 * One fork is enough: `setsid` makes the child a session leader without a terminal, and Node opens none.
 *
 * @returns 0 when it is ready, else the exit code of what could not start, whose output is printed.
 */
export async function launch<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const { name } = daemon.definition;
  const pid = await runningPid(options.pidFile);
  if (pid !== undefined) {
    throw new LaresError("already_running", `Cannot start ${name}: it runs already as process ${pid}`, {
      hint: `Run \`${name} restart\` or \`${name} upgrade\`.`,
    });
  }
  const output = openOutput(daemon, options);
  const from = fstatSync(output.fd).size;
  const child = spawnInBackground(daemon, { options, output: output.fd });
  closeSync(output.fd);
  const code = await readyOrEnd(child);
  if (code === undefined) {
    process.stdout.write(`${name}: started, process ${child.pid}\n`);
    return exitCodes.done;
  }
  process.stderr.write(readFileSync(output.path).subarray(from));
  process.stderr.write(`error: ${name} did not start (exit code ${code}); its output is in ${output.path}\n`);
  return code || exitCodes.failed;
}

function spawnInBackground<Config>(
  daemon: Program<Config>,
  how: { readonly options: VerbOptions; readonly output: number },
): ChildProcess {
  const { background } = daemon.definition;
  const { configFile, pidFile } = how.options;
  const flags = ["--pid-file", pidFile, ...(configFile === undefined ? [] : ["--config", configFile])];
  const umask = background?.umask === undefined ? undefined : process.umask(background.umask);
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", "run", ...flags], {
    detached: true,
    cwd: background?.workingDirectory ?? "/",
    stdio: ["ignore", how.output, how.output, "pipe"],
    env: { ...process.env, LARES_READY_FD: "3", [backgroundVariable]: "1" },
  });
  if (umask !== undefined) process.umask(umask);
  return child;
}

/** @returns undefined when it became ready, otherwise the exit code. */
async function readyOrEnd(child: ChildProcess): Promise<number | undefined> {
  const ready = child.stdio[3] as Readable;
  const ended = once(child, "exit").then(([code]) => (code as number | null) ?? exitCodes.failed);
  const told = once(ready, "data").then(() => undefined);
  const code = await Promise.race([told, ended]);
  ready.destroy();
  child.unref();
  return code;
}

function openOutput<Config>(daemon: Program<Config>, options: VerbOptions): { fd: number; path: string } {
  const { name, background } = daemon.definition;
  const path = options.output ?? background?.output ?? join(homesOf(name).log, `${name}.out`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    return { fd: openSync(path, "a+", 0o640), path };
  } catch (cause) {
    throw new LaresError("io", `Cannot open "${path}": ${(cause as NodeJS.ErrnoException).code}`, {
      hint: "Name a writable file with --output FILE.",
      cause,
    });
  }
}
