import { unlinkSync } from "node:fs";
import type { RunId } from "../core/effects.ts";
import { LaresError } from "../core/errors.ts";
import type { ListenerSpec, ServiceSpec } from "../core/spec.ts";
import { closeFd } from "../os/descriptors.ts";
import { errnoOf } from "../os/libc.ts";
import { addressOfSocket, copyListener } from "../os/regain-socket.ts";
import { steerReuseport } from "../os/reuseport.ts";
import { acceptQueueLength, stopListening } from "../os/sockets.ts";
import type { FdStore } from "./fd-store.ts";
import { runKey } from "./holding.ts";
import type { SlotListeners } from "./interpreter.ts";
import { readNotes, type SocketNote, writeNotes } from "./listener-notes.ts";
import { accessText, addressText, adjustListener, openListener } from "./open-listener.ts";

/** One open socket. With `balance: even` each slot has its own, else all slots share one. */
interface Open extends SocketNote {
  readonly fd: number;
}

export interface ServiceListenersOptions {
  readonly store: Pick<FdStore, "park" | "forget">;
  readonly notesPath: string;
  /** A socket was opened; with port 0 this is where it is told which one it got. */
  readonly onOpened: (
    service: string,
    what: { readonly listener: string; readonly address: string; readonly slot: number | null },
  ) => void;
  readonly problem: (sentence: string) => void;
}

/**
 * The sockets services listen on: made by the supervisor, parked, handed to every run of a slot, accepted from by none but
 * the services.
 *
 * What a run was started with is remembered as long as it lives: when an address changes, the new socket is opened beside the
 * old one, each gets connections only while a run that is ready accepts from it, and the old one is closed with its last run.
 */
export class ServiceListeners implements SlotListeners {
  readonly #options: ServiceListenersOptions;
  /** In the order of binding, which is the order the kernel counts the sockets of a port in. */
  #open: Open[] = [];
  /** By run, the keys of the sockets it was started with. */
  readonly #used = new Map<string, readonly string[]>();
  /** By service, the runs that may get new connections. */
  readonly #live = new Map<string, readonly string[]>();

  constructor(options: ServiceListenersOptions) {
    this.#options = options;
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
    const { notesPath, store } = this.#options;
    const { sockets, used } = readNotes(notesPath);
    for (const note of sockets) {
      const fd = parked.get(note.key) ?? regain(note, pidsOf);
      if (fd === undefined) continue;
      this.#open.push({ ...note, fd });
      if (!parked.has(note.key)) store.park([[note.key, fd]]);
    }
    for (const [run, keys] of Object.entries(used)) this.#used.set(run, keys);
    const unknown = [...parked].filter(([key]) => !this.#open.some((open) => open.key === key));
    store.forget(unknown.map(([key]) => key));
    for (const [, fd] of unknown) end(fd);
  }

  open(spec: ServiceSpec, run: RunId): readonly number[] {
    if (spec.listen.length === 0) return [];
    const sockets = spec.listen.map((listener) => this.#ensure(spec, { listener, slot: run.slot }));
    this.#used.set(
      runKey(run),
      sockets.map(({ key }) => key),
    );
    this.#writeNotes();
    return sockets.map(({ fd }) => fd);
  }

  /** Lets only these runs get new connections; nobody: all, so that connections wait rather than fail. */
  steer(service: string, live: readonly RunId[]): void {
    this.#live.set(service, live.map(runKey));
    for (const bound of this.#portsOf(service)) this.#steerPort(bound);
  }

  /** How many connections wait for a slot that is being scaled away. */
  waiting(service: string, slot: number): number {
    const own = this.#open.filter((open) => open.service === service && open.owner === slot);
    return own.reduce((sum, { fd }) => sum + acceptQueueLength(fd), 0);
  }

  /** A run has ended: closes what no other uses and the definition does not name any more. */
  release(run: RunId, spec: ServiceSpec | undefined): void {
    if (!this.#used.delete(runKey(run))) return;
    const inUse = new Set([...this.#used.values()].flat());
    const outdated = this.#open.filter(
      (open) => open.service === run.service && !inUse.has(open.key) && !(spec && isWanted(open, spec)),
    );
    for (const open of outdated) this.#close(open);
    this.#writeNotes();
  }

  /** Closes what only this slot used; with the last slot of a service, what all shared. */
  close(service: string, slot: number, isLast: boolean): void {
    const own = this.#open.filter((open) => open.service === service && (isLast || open.owner === slot));
    for (const open of own) this.#close(open);
    if (own.length > 0) this.#writeNotes();
    if (isLast) this.#live.delete(service);
  }

  #ensure(spec: ServiceSpec, { listener, slot }: { listener: ListenerSpec; slot: number }): Open {
    const owner = ownerIn(spec, { listener, slot });
    const key = keyOf(spec.name, { listener, owner });
    const known = this.#open.find((open) => open.key === key);
    if (known) return this.#adjusted(known, listener);
    const fd = openListener(listener, { beside: this.#besides(spec.name, listener) });
    const bound = addressOfSocket(fd);
    const open: Open = { key, fd, bound, owner, service: spec.name, access: accessText(listener) };
    this.#open.push(open);
    this.#options.onOpened(spec.name, {
      listener: listener.name,
      address: bound,
      slot: owner === "shared" ? null : owner,
    });
    this.#options.store.park([[key, fd]]);
    this.#steerPort(bound);
    return open;
  }

  #adjusted(open: Open, listener: ListenerSpec): Open {
    const access = accessText(listener);
    if (open.access === access) return open;
    adjustListener(open.fd, listener);
    const adjusted = { ...open, access };
    this.#open = this.#open.map((one) => (one === open ? adjusted : one));
    return adjusted;
  }

  /** The address of a socket of the service beside which this listener belongs. @throws LaresError `busy` if another has it */
  #besides(service: string, listener: ListenerSpec): string | undefined {
    const { address } = listener;
    if (address.family === "unix") return undefined;
    const isSame = ({ key, bound }: Open) =>
      key.endsWith(`/${listener.name}@${addressText(listener)}`) ||
      (address.port !== 0 && bound === `${address.host}:${address.port}`);
    const other = this.#open.find((open) => open.service !== service && address.port !== 0 && isSame(open));
    if (other) {
      throw new LaresError("busy", `Cannot listen on ${addressText(listener)}: service "${other.service}" does`, {
        hint: "Give one of them another port.",
      });
    }
    return this.#open.find((open) => open.service === service && isSame(open))?.bound;
  }

  #close(open: Open): void {
    const position = this.#open.filter(({ bound }) => bound === open.bound).indexOf(open);
    this.#open = this.#open.filter((one) => one !== open);
    this.#options.store.forget([open.key]);
    end(open.fd);
    if (open.bound.startsWith("unix:")) removeFile(open.bound.slice("unix:".length));
    else this.#closeGap(open.bound, position);
  }

  /** The kernel moves the last socket of a port into the gap. */
  #closeGap(bound: string, position: number): void {
    const port = this.#open.filter((open) => open.bound === bound);
    port.splice(position, 0, ...port.splice(-1));
    this.#open = [...this.#open.filter((open) => open.bound !== bound), ...port];
    this.#steerPort(bound);
  }

  #steerPort(bound: string): void {
    const port = this.#open.filter((open) => open.bound === bound);
    const [first] = port;
    if (!first || bound.startsWith("unix:") || (port.length === 1 && first.owner === "shared")) return;
    const accepting = new Set((this.#live.get(first.service) ?? []).flatMap((run) => this.#used.get(run) ?? []));
    steerReuseport(
      first.fd,
      port.flatMap(({ key }, index) => (accepting.has(key) ? [index] : [])),
    );
  }

  #portsOf(service: string): ReadonlySet<string> {
    return new Set(this.#open.filter((open) => open.service === service).map(({ bound }) => bound));
  }

  #writeNotes(): void {
    const sockets = this.#open.map(({ fd: _, ...note }) => note);
    try {
      writeNotes(this.#options.notesPath, { sockets, used: Object.fromEntries(this.#used) });
    } catch (error) {
      this.#options.problem(`what listens where cannot be written down: ${errnoOf(error) ?? error}`);
    }
  }
}

function ownerIn(spec: ServiceSpec, { listener, slot }: { listener: ListenerSpec; slot: number }): number | "shared" {
  return spec.balance === "even" && listener.address.family === "tcp" ? slot : "shared";
}

function keyOf(service: string, { listener, owner }: { listener: ListenerSpec; owner: number | "shared" }): string {
  return `listen:${service}/${owner}/${listener.name}@${addressText(listener)}`;
}

function isWanted({ key, owner }: Open, spec: ServiceSpec): boolean {
  return spec.listen.some((listener) => {
    const slot = owner === "shared" ? 0 : owner;
    return keyOf(spec.name, { listener, owner: ownerIn(spec, { listener, slot }) }) === key;
  });
}

function regain(
  { service, owner, bound }: SocketNote,
  pidsOf: (service: string, slot: number | undefined) => readonly number[],
): number | undefined {
  for (const pid of pidsOf(service, owner === "shared" ? undefined : owner)) {
    const fd = copyListener(pid, bound);
    if (fd !== undefined) return fd;
  }
  return undefined;
}

function end(fd: number): void {
  stopListening(fd);
  closeFd(fd);
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}
