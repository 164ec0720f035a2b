/** Starts the new code beside the old, with the same listeners. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { LaresError } from "../../core/errors.ts";
import { childrenOf } from "../../os/processes.ts";
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
 * @returns its pid. It is on its own from then on: no child of ours, but of init or of whoever takes orphans in.
 * @throws LaresError `operation_failed`, `spawn_failed` or `timed_out`
 */
export async function startSuccessor(request: SuccessorRequest): Promise<number> {
  const between = spawnSuccessor(request);
  const ended = once(between, "exit");
  const ready = between.stdio.at(-1) as Readable;
  try {
    await becomesReady(ended, { ready, timeoutMs: request.readyTimeoutMs });
    const pid = onlyChildOf(between);
    // The kernel gives the orphan its new parent before it tells us of the end.
    between.kill("SIGKILL");
    await ended;
    return pid;
  } catch (error) {
    killGroup(between.pid);
    throw error;
  } finally {
    ready.destroy();
  }
}

/**
 * Two shells. The inner one becomes the program, since `LISTEN_PID` must be the pid of what is exec'd. The outer one waits
 * for it and is killed when it is ready: systemd takes care of a `MAINPID=` only if it is its own child.
 *
 * A session of its own lets us kill all of it when it fails; the terminal, if there is one, goes with the predecessor.
 */
const shells = `/bin/sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@"; exit $?`;

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
  return spawn("/bin/sh", ["-c", shells, "sh", ...program], {
    stdio: ["inherit", "inherit", "inherit", ...passed, "pipe"],
    env,
    detached: true,
  });
}

async function becomesReady(
  ended: Promise<unknown[]>,
  options: { readonly ready: Readable; readonly timeoutMs: number },
): Promise<void> {
  const { ready, timeoutMs } = options;
  const hint = "Look into the log of the new process; the old one goes on.";
  const told = once(ready, "data", { signal: AbortSignal.timeout(timeoutMs) }).then(
    () => undefined,
    () => new LaresError("timed_out", `Cannot upgrade: the new process was not ready within ${timeoutMs} ms`, { hint }),
  );
  const failed = ended.then(
    ([code]) =>
      new LaresError("operation_failed", `Cannot upgrade: the new process ended (exit code ${code})`, { hint }),
    (cause: unknown) => new LaresError("spawn_failed", "Cannot upgrade: the new process did not start", { cause }),
  );
  const failure = await Promise.race([told, failed]);
  if (failure) throw failure;
}

/** The outer shell waits for it, so it is there, and its pid its own. */
function onlyChildOf({ pid = 0 }: ChildProcess): number {
  const [child] = childrenOf(pid);
  if (child !== undefined) return child;
  throw new LaresError("operation_failed", "Cannot upgrade: the new process is not to be found in /proc", {
    hint: "Mount /proc without `hidepid`.",
  });
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing is left of it.
    return;
  }
}
