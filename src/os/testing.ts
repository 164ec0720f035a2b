/** For the tests of this folder and of those above it: a program run to its end, with everything it wrote. */
import { closeSync, openSync } from "node:fs";
import { type ExitStatus, openPidfd, reap } from "./pidfd.ts";
import { createPipe, readNow } from "./pipes.ts";
import { watch } from "./poll.ts";
import { type SpawnRequest, spawn } from "./spawn.ts";

/** A finished process. Standard output and error arrive in one text. */
export interface Finished {
  readonly pid: number;
  readonly output: string;
  readonly status: ExitStatus | "not_child" | undefined;
}

/** Where tests find programs: an environment without anything of the developer's. */
export const TEST_PATH = "/usr/local/bin:/usr/bin:/bin";

/** A request for `sh -c script` that can be spread and changed. */
export function shell(script: string): SpawnRequest {
  return command("sh", "-c", script);
}

/** A request for a program with /dev/null on its standard streams. */
export function command(file: string, ...words: readonly string[]): SpawnRequest {
  return {
    file,
    argv: [file, ...words],
    directory: "/",
    env: { PATH: TEST_PATH },
    fds: [nullFd(), nullFd(), nullFd()],
  };
}

/** Runs a request to its end. Its `fds` from 3 on are kept; 1 and 2 become a pipe that is read here. */
export async function run(request: SpawnRequest): Promise<Finished> {
  const { readEnd, writeEnd } = createPipe();
  const fds = [nullFd(), writeEnd, writeEnd, ...request.fds.slice(3)];
  let pid: number;
  try {
    pid = spawn({ ...request, fds });
  } catch (error) {
    closeSync(readEnd);
    throw error;
  } finally {
    closeSync(writeEnd);
  }
  const pidfd = openPidfd(pid) ?? -1;
  const output = await readToEnd(readEnd);
  await ended(pidfd);
  const status = reap(pid);
  closeSync(pidfd);
  return { pid, output, status };
}

/** Reads a pipe until nobody has its other end any more, and closes it. */
export async function readToEnd(fd: number): Promise<string> {
  const chunks: Buffer[] = [];
  const buffer = Buffer.alloc(65536);
  await new Promise<void>((resolve, reject) => {
    const watching = watch(fd, { readable: true }, () => {
      try {
        const length = readNow(fd, buffer);
        if (length > 0) chunks.push(Buffer.from(buffer.subarray(0, length)));
        if (length !== 0) return;
        watching.close();
        resolve();
      } catch (error) {
        watching.close();
        reject(error);
      }
    });
  });
  closeSync(fd);
  return Buffer.concat(chunks).toString("utf8");
}

/** Resolves when the process of a pidfd has ended; it may still have to be reaped. */
export function ended(pidfd: number): Promise<void> {
  return whenReadable(pidfd);
}

/** Resolves when there is something to read. */
export function whenReadable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    const watching = watch(fd, { readable: true }, () => {
      watching.close();
      resolve();
    });
  });
}

let cachedNullFd: number | undefined;

function nullFd(): number {
  cachedNullFd ??= openSync("/dev/null", "r+");
  return cachedNullFd;
}
