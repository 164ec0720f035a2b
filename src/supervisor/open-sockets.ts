import { baseOf } from "./listener-lanes.ts";
import type { SocketNote } from "./listener-notes.ts";

/** One open socket of a service. */
export interface OpenSocket extends SocketNote {
  readonly fd: number;
}

/** What is open, in the order of binding, which is the order the kernel counts the sockets of a port in. */
export class OpenSockets {
  #all: readonly OpenSocket[] = [];

  get all(): readonly OpenSocket[] {
    return this.#all;
  }

  of(service: string): readonly OpenSocket[] {
    return this.#all.filter((open) => open.service === service);
  }

  /** All that are bound to one address. */
  at(bound: string): readonly OpenSocket[] {
    return this.#all.filter((open) => open.bound === bound);
  }

  /** All of one listener. */
  lanes(base: string): readonly OpenSocket[] {
    return this.#all.filter(({ key }) => baseOf(key) === base);
  }

  add(open: OpenSocket): void {
    this.#all = [...this.#all, open];
  }

  replace(open: OpenSocket, by: OpenSocket): void {
    this.#all = this.#all.map((one) => (one === open ? by : one));
  }

  /** Has the sockets of an address in another order, by their descriptors. */
  reorder(bound: string, fds: readonly number[]): void {
    const port = [...this.at(bound)].sort((a, b) => fds.indexOf(a.fd) - fds.indexOf(b.fd));
    this.#all = [...this.#all.filter((open) => open.bound !== bound), ...port];
  }

  /** The kernel moves the last socket of a port into the gap. */
  remove(open: OpenSocket): void {
    const port = [...this.at(open.bound)];
    const last = port.pop();
    if (last && last !== open) port.splice(port.indexOf(open), 1, last);
    this.#all = [...this.#all.filter(({ bound }) => bound !== open.bound), ...port];
  }
}
