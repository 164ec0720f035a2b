/** The file of a listening Unix socket: made without a gap, removed only by the one who made it. */
import { chmodSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { LaresError } from "../core/errors.ts";

/**
 * Node removes the file of a Unix socket it has bound when it closes it, also after a successor has inherited the
 * listener. So it binds a name of its own, and the socket is then moved to where clients look.
 */
export class UnixSocketFile {
  readonly path: string;
  readonly temporaryPath: string;
  #inode: number | undefined;

  constructor(path: string) {
    this.path = path;
    this.temporaryPath = `${path}.${process.pid}`;
  }

  /** @throws LaresError `busy` when somebody listens at the path, or something else than a socket is there. */
  async assertFree(): Promise<void> {
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    if (found && !found.isSocket()) {
      throw new LaresError("busy", `Cannot listen on "${this.path}": there is a file that is not a socket`, {
        hint: "Remove it, or choose another path.",
      });
    }
    if (found && (await answers(this.path))) {
      throw new LaresError("busy", `Cannot listen on "${this.path}": another process listens there`, {
        hint: "Stop it, or choose another path.",
      });
    }
  }

  /** Called when the listener is bound: access is set before anybody can connect. */
  publish(mode: number | undefined): void {
    if (mode !== undefined) chmodSync(this.temporaryPath, mode);
    renameSync(this.temporaryPath, this.path);
    this.#inode = lstatSync(this.path).ino;
  }

  remove(): void {
    if (this.#inode !== undefined && lstatSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode) {
      unlinkSync(this.path);
    }
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
