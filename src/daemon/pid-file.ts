/** One instance at a time, and how to find it: a PID file with a lock. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { LaresError } from "../core/errors.ts";

/**
 * The PID file of this process, locked for as long as it lives.
 *
 * The lock decides, not the number in the file: it is the kernel's, so what a killed process left behind never blocks,
 * and a recycled pid is never taken for an instance. Without koffi there is no lock, and the number must do.
 */
export class PidFile implements Disposable {
  readonly path: string;
  readonly #fd: number;
  #ours: boolean;

  private constructor(path: string, held: { readonly fd: number; readonly ours: boolean }) {
    this.path = path;
    this.#fd = held.fd;
    this.#ours = held.ours;
  }

  /**
   * Takes the file and writes our pid into it.
   *
   * @throws LaresError `already_running` when another instance holds it, `io` when it cannot be written.
   * @example
   * ```ts
   * import { tmpdir } from "node:os";
   * import { PidFile } from "lares";
   *
   * using pidFile = await PidFile.take(`${tmpdir()}/example-${process.pid}.pid`);
   * console.log(pidFile.path);
   * ```
   */
  static async take(path: string): Promise<PidFile> {
    for (;;) {
      const fd = await lock(path);
      // Its holder may have removed it between our opening and locking it: then what we hold is no file any more.
      if (isFileAt(path, fd)) {
        const taken = new PidFile(path, { fd, ours: true });
        taken.write(process.pid);
        return taken;
      }
      closeSync(fd);
    }
  }

  /** Holds a file whose locked descriptor was inherited from our predecessor. It stays the predecessor's until `own`. */
  static inherit(path: string, fd: number): PidFile {
    return new PidFile(path, { fd, ours: false });
  }

  /** From now on the file is ours to remove: we are ready, so the predecessor hands it over. */
  own(): void {
    this.#ours = true;
  }

  /** For a successor to inherit: the lock is its as much as ours. */
  get fd(): number {
    return this.#fd;
  }

  /** Also for the pid of a successor: systemd reads the file again when the main process ends. */
  write(pid: number): void {
    const line = `${pid}\n`;
    // In this order the file is never empty, and its first line always a pid.
    writeSync(this.#fd, line, 0);
    ftruncateSync(this.#fd, line.length);
  }

  /** A successor owns the file now. */
  handedOver(): void {
    this.#ours = false;
  }

  /** Removes the file, unless it has been handed over. */
  [Symbol.dispose](): void {
    if (this.#ours && isFileAt(this.path, this.#fd)) unlinkSync(this.path);
    this.#ours = false;
    try {
      closeSync(this.#fd);
    } catch {
      return;
    }
  }
}

/** @returns the pid of the instance that runs, or undefined: the file may be missing, stale or none of ours. */
export async function runningPid(path: string): Promise<number | undefined> {
  const pid = readPid(path);
  if (pid === undefined || !isAlive(pid)) return undefined;
  const lockFile = await loadLock();
  if (!lockFile) return pid;
  try {
    const fd = lockFile(path);
    if (fd === undefined) return readPid(path);
    closeSync(fd);
    return undefined;
  } catch {
    // Another user's file cannot be opened for writing; what is in it is all we know.
    return pid;
  }
}

/** The number in the file, whatever it means. */
export function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8").split("\n")[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function lock(path: string): Promise<number> {
  const lockFile = await loadLock();
  const held = () => {
    const pid = readPid(path);
    return new LaresError("already_running", `Cannot start: "${path}" is held by process ${pid ?? "unknown"}`, {
      hint: "Stop it first, or choose another PID file.",
    });
  };
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (lockFile) {
      const fd = lockFile(path);
      if (fd === undefined) throw held();
      return fd;
    }
    const pid = readPid(path);
    if (pid !== undefined && pid !== process.pid && isAlive(pid)) throw held();
    return openSync(path, "a+", 0o644);
  } catch (cause) {
    if (cause instanceof LaresError && cause.code === "already_running") throw cause;
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new LaresError("io", `Cannot write PID file "${path}": ${reason}`, {
      hint: "Choose a directory that this user may write to.",
      cause,
    });
  }
}

async function loadLock(): Promise<((path: string) => number | undefined) | undefined> {
  try {
    const { lockFile } = await import("../os/process-control.ts");
    const { koffi } = await import("../os/libc.ts");
    koffi();
    return lockFile;
  } catch {
    return undefined;
  }
}

function isFileAt(path: string, fd: number): boolean {
  const [there, held] = [
    statSync(path, { throwIfNoEntry: false }),
    statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false }),
  ];
  return there !== undefined && there.ino === held?.ino && there.dev === held.dev;
}
