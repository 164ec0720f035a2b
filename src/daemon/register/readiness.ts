/** Tells the supervisor that the program is ready: a newline on an inherited pipe, as s6 has it. */
import { closeSync, writeSync } from "node:fs";

export interface Readiness {
  /** Says it; only the first time counts. */
  announce(): void;
}

/** For a program whose readiness somebody else establishes. */
export const silence: Readiness = { announce() {} };

/**
 * Readiness that is told on a descriptor, by us when the program listens or by the program with `process.send("ready")`.
 *
 * PM2 taught programs to say it so, guarded by `if (process.send)`: without an IPC channel they get a `send` that takes the
 * word and drops everything else.
 */
export function readinessOn(fd: number): Readiness {
  let said = false;
  const readiness = {
    announce() {
      if (said) return;
      said = true;
      sayOn(fd);
    },
  };
  hearReady(readiness);
  return readiness;
}

function sayOn(fd: number): void {
  try {
    writeSync(fd, "\n");
    closeSync(fd);
  } catch {
    // The supervisor has stopped waiting (EPIPE), or never passed the descriptor (EBADF): the program goes on either way.
  }
}

function hearReady(readiness: Readiness): void {
  const send = process.send;
  process.send = (message: unknown, ...rest: unknown[]): boolean => {
    if (message === "ready") readiness.announce();
    if (send !== undefined) return Reflect.apply(send, process, [message, ...rest]);
    const callback = rest.at(-1);
    if (typeof callback === "function") process.nextTick(callback as (error: null) => void, null);
    return true;
  };
}
