import type { Description } from "./descriptors.ts";
import type { Machine } from "./machine.ts";

/** The descriptors of one process. Using one that is not open is a violation. */
export class DescriptorTable {
  readonly #machine: Machine;
  readonly #open = new Map<number, Description>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  entries(): Iterable<readonly [number, Description]> {
    return this.#open;
  }

  /** The lowest number that is free, as on a real machine: what is used after it was closed is soon another. */
  open(description: Description): number {
    let fd = 3;
    while (this.#open.has(fd)) fd += 1;
    description.refs += 1;
    this.#open.set(fd, description);
    return fd;
  }

  describe(fd: number): Description {
    return this.#open.get(fd) ?? this.#machine.violated(`descriptor ${fd} is used and not open`);
  }

  close(fd: number): void {
    this.describe(fd).refs -= 1;
    this.#open.delete(fd);
  }

  closeAll(): void {
    for (const description of this.#open.values()) description.refs -= 1;
    this.#open.clear();
  }

  /** Whether what is watched is still what it was. */
  isStill(fd: number, description: Description): boolean {
    if (this.#open.get(fd) === description) return true;
    return this.#machine.violated(`descriptor ${fd} (${description.kind}) is watched and not open`);
  }
}
