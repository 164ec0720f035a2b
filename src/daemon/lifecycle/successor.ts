/** Starts the new code beside the old, with the same listeners. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { LaresError } from "../../core/errors.ts";
import { firstListenFd, listenEnvironment } from "../../protocol/listen-fds.ts";
import type { PassableListener } from "../listeners.ts";

/** Where a successor finds the locked PID file of its predecessor. */
export const pidFdVariable = "LARES_PID_FD";

export interface SuccessorRequest {
  readonly listeners: readonly PassableListener[];
  /** Descriptor of the locked PID file, for the successor to hold as well. */
  readonly pidFd: number | undefined;
  readonly readyTimeoutMs: number;
}

/**
 * Starts this program again and waits until it is ready. If it does not become so it is killed.
 *
 * @returns its pid. It is on its own from then on.
 * @throws LaresError `operation_failed` or `timed_out`
 */
export async function startSuccessor(request: SuccessorRequest): Promise<number> {
  const child = spawnSuccessor(request);
  const ready = child.stdio.at(-1) as Readable;
  try {
    await becomesReady(child, { ready, timeoutMs: request.readyTimeoutMs });
    child.unref();
    ready.destroy();
    return child.pid ?? 0;
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** `LISTEN_PID` must be the pid of the program, which only a shell in between can know before it runs. */
function spawnSuccessor(request: SuccessorRequest): ChildProcess {
  const { listeners, pidFd } = request;
  const passed = [...listeners.map(({ fd }) => fd), ...(pidFd === undefined ? [] : [pidFd])];
  const readyFd = firstListenFd + passed.length;
  const env = {
    ...process.env,
    ...listenEnvironment(listeners.map(({ name }) => name)),
    LARES_READY_FD: String(readyFd),
    ...(pidFd === undefined ? {} : { [pidFdVariable]: String(readyFd - 1) }),
  };
  // The watchdog is to be fed by whoever is the main process: the successor, soon.
  delete (env as NodeJS.ProcessEnv).WATCHDOG_PID;
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return spawn("/bin/sh", ["-c", 'LISTEN_PID=$$ exec "$@"', "sh", ...program], {
    stdio: ["inherit", "inherit", "inherit", ...passed, "pipe"],
    env,
  });
}

async function becomesReady(child: ChildProcess, options: { ready: Readable; timeoutMs: number }): Promise<void> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const told = once(options.ready, "data", { signal: timeout }).then(
    () => undefined,
    () =>
      new LaresError("timed_out", `Cannot upgrade: the new process was not ready within ${options.timeoutMs} ms`, {
        hint: "Look into the log of the new process; the old one goes on.",
      }),
  );
  const ended = once(child, "exit").then(
    ([code, signal]) =>
      new LaresError("operation_failed", `Cannot upgrade: the new process ended (${signal ?? `exit code ${code}`})`, {
        hint: "Look into the log of the new process; the old one goes on.",
      }),
    (cause: unknown) => new LaresError("spawn_failed", "Cannot upgrade: the new process did not start", { cause }),
  );
  const failure = await Promise.race([told, ended]);
  if (failure) throw failure;
}
