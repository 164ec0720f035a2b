import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { ListenerSpec, ServiceSpec } from "../core/spec.ts";
import { closeFd } from "../os/descriptors.ts";
import { addressOfSocket, copyListener } from "../os/regain-socket.ts";
import { steerReuseport } from "../os/reuseport.ts";
import { acceptQueueLength, listenTcp, listenUnix } from "../os/sockets.ts";
import { lookupGroup, lookupUser } from "../os/users.ts";
import type { FdStore } from "./fd-store.ts";
import type { Listeners } from "./instances.ts";

/** One open socket. With `balance: even` each slot has its own, else all slots share slot 0's. */
interface Open {
  readonly key: string;
  readonly fd: number;
  /** What it is bound to, as the configuration says it: a change of address needs another socket. */
  readonly address: string;
}

export interface ServiceListenersOptions {
  readonly store: Pick<FdStore, "park" | "forget">;
  readonly notesPath: string;
  /** A socket was opened; with port 0 this is where it is told which one it got. */
  readonly onOpened: (
    service: string,
    what: { readonly listener: string; readonly address: string; readonly slot: number | null },
  ) => void;
}

/**
 * The sockets services listen on: made by the supervisor, parked, handed to every run of a slot, accepted from by none but
 * the services.
 */
export class ServiceListeners implements Listeners {
  readonly #store: Pick<FdStore, "park" | "forget">;
  readonly #notesPath: string;
  readonly #onOpened: ServiceListenersOptions["onOpened"];
  readonly #open = new Map<string, Open>();
  /** For each group of sockets on one port, its keys in the order of binding, which is the order the kernel counts in. */
  readonly #groups = new Map<string, string[]>();
  readonly #live = new Map<string, readonly number[]>();

  constructor({ store, notesPath, onOpened }: ServiceListenersOptions) {
    this.#store = store;
    this.#notesPath = notesPath;
    this.#onOpened = onOpened;
  }

  /** Whether a parked key is a listener's. */
  static owns(key: string): boolean {
    return key.startsWith("listen:");
  }

  /**
   * Takes back what another supervisor parked; the notes say what it was bound to and in which order.
   *
   * Where the store was lost with the keeper, the programs that use a socket still have it.
   */
  adopt(
    parked: ReadonlyMap<string, number>,
    pidsOf: (service: string, slot: number | undefined) => readonly number[],
  ): void {
    const lost: string[] = [];
    for (const { key, address, group, bound } of readNotes(this.#notesPath)) {
      this.#groups.set(group, [...(this.#groups.get(group) ?? []), key]);
      const fd = parked.get(key) ?? regain(key, { bound, pidsOf });
      if (fd === undefined) lost.push(key);
      else this.#open.set(key, { key, fd, address });
      if (fd !== undefined && !parked.has(key)) this.#store.park([[key, fd]]);
    }
    for (const key of lost) this.#leaveGroup(key);
    const unknown = [...parked].filter(([key]) => !this.#open.has(key));
    this.#store.forget(unknown.map(([key]) => key));
    for (const [, fd] of unknown) closeFd(fd);
  }

  open(spec: ServiceSpec, slot: number): readonly number[] {
    return spec.listen.map((listener) => this.#ensure(spec, { listener, slot }));
  }

  /** Lets only these slots get new connections; nobody: all of them, so that connections wait rather than fail. */
  steer(service: string, live: readonly number[]): void {
    this.#live.set(service, live);
    for (const group of this.#groups.keys()) if (group.startsWith(`listen:${service}/`)) this.#steerGroup(group);
  }

  /** How many connections wait for a slot that is being scaled away. */
  waiting(service: string, slot: number): number {
    const own = [...this.#open.values()].filter(({ key }) => key.startsWith(`listen:${service}/${slot}/`));
    return own.reduce((sum, { fd, address }) => sum + (address.startsWith("unix:") ? 0 : acceptQueueLength(fd)), 0);
  }

  /** Closes what only this slot used; with the last slot of a service, what all shared. */
  close(service: string, slot: number, isLast: boolean): void {
    const prefixes = [`listen:${service}/${slot}/`, ...(isLast ? [`listen:${service}/`] : [])];
    const own = [...this.#open.values()].filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)));
    for (const one of own) this.#close(one);
    if (own.length > 0) this.#writeNotes();
  }

  #ensure(spec: ServiceSpec, { listener, slot }: { listener: ListenerSpec; slot: number }): number {
    const even = spec.balance === "even" && listener.address.family === "tcp";
    const key = `listen:${spec.name}/${even ? slot : "shared"}/${listener.name}`;
    const address = addressText(listener);
    const known = this.#open.get(key);
    if (known?.address === address) return known.fd;
    const fd = bind(listener, even);
    this.#onOpened(spec.name, { listener: listener.name, address: addressOfSocket(fd), slot: even ? slot : null });
    // The new one is open before the old one is closed.
    if (known) this.#close(known);
    this.#open.set(key, { key, fd, address });
    const group = `listen:${spec.name}/${even ? "even" : "shared"}/${listener.name}`;
    this.#groups.set(group, [...(this.#groups.get(group) ?? []), key]);
    this.#store.park([[key, fd]]);
    this.#writeNotes();
    if (even) this.#steerGroup(group);
    return fd;
  }

  #close({ key, fd, address }: Open): void {
    this.#open.delete(key);
    this.#store.forget([key]);
    closeFd(fd);
    this.#leaveGroup(key);
    if (address.startsWith("unix:")) removeFile(address.slice("unix:".length));
  }

  /** The kernel moves the last socket of the group into the gap. */
  #leaveGroup(key: string): void {
    for (const [group, keys] of this.#groups) {
      const at = keys.indexOf(key);
      if (at < 0) continue;
      const last = keys.pop();
      if (last !== undefined && last !== key) keys[at] = last;
      this.#steerGroup(group);
    }
  }

  #steerGroup(group: string): void {
    const [, service = "", kind] = /^listen:(.+)\/(even|shared)\//.exec(group) ?? [];
    const keys = this.#groups.get(group) ?? [];
    const first = keys[0] === undefined ? undefined : this.#open.get(keys[0]);
    if (kind !== "even" || !first) return;
    const live = this.#live.get(service) ?? [];
    const indices = keys.flatMap((key, index) =>
      live.some((slot) => key.startsWith(`listen:${service}/${slot}/`)) ? [index] : [],
    );
    steerReuseport(first.fd, indices);
  }

  #writeNotes(): void {
    const notes = [...this.#groups].flatMap(([group, keys]) =>
      keys.flatMap((key) => {
        const open = this.#open.get(key);
        return open ? [{ key, group, address: open.address, bound: addressOfSocket(open.fd) }] : [];
      }),
    );
    writeFileSync(this.#notesPath, JSON.stringify(notes), { mode: 0o600 });
  }
}

function bind({ address, backlog, mode, owner }: ListenerSpec, reusePort: boolean): number {
  if (address.family === "tcp") return listenTcp({ host: address.host, port: address.port, backlog, reusePort }).fd;
  const uid = owner?.user === undefined ? undefined : lookupUser(owner.user).uid;
  const gid = owner?.group === undefined ? undefined : lookupGroup(owner.group);
  return listenUnix({
    path: address.path,
    backlog,
    ...(mode !== undefined && { mode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  }).fd;
}

function addressText({ address }: ListenerSpec): string {
  return address.family === "unix" ? `unix:${address.path}` : `${address.host}:${address.port}`;
}

interface Note {
  readonly key: string;
  readonly group: string;
  /** As the configuration has it. */
  readonly address: string;
  /** As the kernel has it: with a real port where 0 was asked for. */
  readonly bound: string;
}

function regain(
  key: string,
  { bound, pidsOf }: { bound: string; pidsOf: (service: string, slot: number | undefined) => readonly number[] },
): number | undefined {
  const [, service = "", slot] = /^listen:(.+)\/(\d+|shared)\//.exec(key) ?? [];
  for (const pid of pidsOf(service, slot === "shared" ? undefined : Number(slot))) {
    const fd = copyListener(pid, bound);
    if (fd !== undefined) return fd;
  }
  return undefined;
}

function readNotes(path: string): readonly Note[] {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}
