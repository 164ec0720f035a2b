/** The listeners of this process: those inherited and not yet taken, and those that accept connections. */
import type { Server } from "node:net";
import { type ConnectionTracker, trackServer } from "../connections.ts";
import { fitness } from "./address-match.ts";
import type { ListenTarget } from "./listen-call.ts";
import type { InheritedListener } from "./open-inherited.ts";

interface Handle {
  close(): void;
}

export class Listeners {
  #leaving = false;
  readonly #inherited: readonly InheritedListener[];
  readonly #free: Set<InheritedListener>;
  readonly #missing: Set<InheritedListener>;
  readonly #accepting = new Map<Server, Handle>();
  readonly #trackers = new Set<ConnectionTracker>();

  constructor(inherited: readonly InheritedListener[]) {
    this.#inherited = inherited;
    this.#free = new Set(inherited);
    this.#missing = new Set(inherited);
  }

  /** Of the inherited unix sockets. */
  get paths(): string[] {
    return this.#inherited.flatMap(({ address }) => (address.kind === "unix" ? [address.path] : []));
  }

  /** Whether the program listens on all it was given, or, if it was given nothing, on anything. */
  get complete(): boolean {
    return this.#missing.size === 0;
  }

  get connections(): number {
    return [...this.#trackers].reduce((sum, tracker) => sum + tracker.size, 0);
  }

  /** Takes the inherited listener that fits best. Each is given once: a second listen on an address fails as it always did. */
  take(target: ListenTarget): InheritedListener | undefined {
    const best = bestOf([...this.#free], target);
    if (best !== undefined) this.#free.delete(best);
    return best;
  }

  /**
   * Whether a listen is to be left waiting: the address is no longer ours to serve.
   *
   * A cluster whose program replaces every worker that ends would otherwise fail over and over to bind it.
   */
  refuses(target: ListenTarget): boolean {
    return this.#leaving && bestOf(this.#inherited, target) !== undefined;
  }

  /** From before a server listens on: remembers its connections. */
  follow(server: Server): void {
    this.#trackers.add(trackServer(server));
  }

  /** A cluster's primary takes the handle away from its server at once, so it is remembered beside it. */
  accepts(server: Server, inherited: InheritedListener | undefined): void {
    const handle = (server as unknown as { _handle: Handle | null })._handle;
    if (handle !== null) this.#accepting.set(server, handle);
    if (inherited !== undefined) this.#missing.delete(inherited);
  }

  /** A server that is closed listens no more, and has no connection left. */
  closed(server: Server): void {
    this.#accepting.delete(server);
    this.#trackers.delete(trackServer(server));
  }

  /**
   * Stops accepting, and asks the clients that are connected to go elsewhere.
   *
   * Only this process's hold on the socket ends: its successor shares it, and takes what waits in the accept queue. The
   * servers keep their closed handles, so that a `server.close()` of the program still works.
   */
  leave(): void {
    this.#leaving = true;
    for (const handle of this.#accepting.values()) handle.close();
    for (const tracker of this.#trackers) tracker.beginDrain();
  }

  /** Ends every connection on which nobody waits for an answer. */
  endIdle(): void {
    for (const tracker of this.#trackers) tracker.endIdle();
  }
}

function bestOf(listeners: readonly InheritedListener[], target: ListenTarget): InheritedListener | undefined {
  if (target.kind === "fd") return listeners.find(({ fd }) => fd === target.fd);
  const fitting = listeners.filter(({ address }) => fitness(address, target) > 0);
  return fitting.sort((a, b) => fitness(b.address, target) - fitness(a.address, target))[0];
}
