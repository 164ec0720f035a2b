/** Whether a write that another thread is doing has reached the file: asked when there is no time for its callback. */
import { closeSync, openSync, readSync } from "node:fs";

/**
 * The kernel tells how far a descriptor has got in `/proc/self/fdinfo`. It changes when an append is done.
 *
 * At the end of a process the event loop turns no more, and whether the write in flight has been made cannot be learnt
 * from its callback: writing again might double it, not writing might lose it.
 */
export class FlightRecorder {
  readonly #info: number;
  readonly #before = Buffer.alloc(64);
  readonly #now = Buffer.alloc(64);

  constructor(fd: number) {
    this.#info = openSync(`/proc/self/fdinfo/${fd}`, "r");
  }

  /** Called before each write. */
  takeOff(): void {
    readSync(this.#info, this.#before, 0, this.#before.length, 0);
  }

  /** Waits until the write has been made. @returns how many bytes it wrote; none within `timeoutMs` are 0. */
  waitForLanding(timeoutMs: number): number {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      readSync(this.#info, this.#now, 0, this.#now.length, 0);
      if (!this.#now.equals(this.#before)) return positionIn(this.#now) - positionIn(this.#before);
      Atomics.wait(pause, 0, 0, 1);
    }
    return 0;
  }

  close(): void {
    closeSync(this.#info);
  }
}

/** The first line is `pos:` and the position. After an append it is the end of the file, whoever has written there before. */
function positionIn(info: Buffer): number {
  return Number.parseInt(info.toString("latin1").slice("pos:".length), 10);
}
