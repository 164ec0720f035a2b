import { isDeepStrictEqual } from "node:util";
import type { RunId } from "../core/effects.ts";
import { LaresError } from "../core/errors.ts";
import type { ListenerSpec, ServiceSpec } from "../core/spec.ts";
import { closeFd } from "../os/descriptors.ts";
import { errnoOf } from "../os/libc.ts";
import { addressOfSocket, copyListener } from "../os/regain-socket.ts";
import { isAcceptable, isListeningSocket, stopListening } from "../os/sockets.ts";
import type { ListeningView } from "../protocol/api.ts";
import { laneFile } from "../protocol/lane-file.ts";
import type { FdStore } from "./fd-store.ts";
import type { SlotListeners } from "./interpreter.ts";
import {
  baseKey,
  baseOf,
  chooseLane,
  freeLane,
  isWanted,
  laneKey,
  laneOf,
  listenerOf,
  ownerIn,
} from "./listener-lanes.ts";
import { readNotes, type SocketNote, writeNotes } from "./listener-notes.ts";
import { accessText, addressText, adjustListener, openListener } from "./open-listener.ts";
import { type OpenSocket, OpenSockets } from "./open-sockets.ts";
import { straightOn, type Way } from "./questions.ts";
import { SocketUse } from "./socket-use.ts";
import { Steering, unixPath } from "./steering.ts";
import { removeLaneFile, wayToLane } from "./unix-lanes.ts";

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
 * The sockets services listen on: made by the supervisor, parked, handed to the runs of a slot, accepted from by none but
 * the services.
 *
 * What a run was started with is remembered as long as it lives. A socket gets connections only while a run that was steered
 * to accepts from it, be there several because an address changes or because a successor is being tried (see
 * `listener-lanes.ts`); it is closed when no run uses it and another has taken its place.
 */
export class ServiceListeners implements SlotListeners {
  readonly #options: ServiceListenersOptions;
  readonly #sockets = new OpenSockets();
  readonly #use = new SocketUse();
  readonly #steering: Steering;

  constructor(options: ServiceListenersOptions) {
    this.#options = options;
    this.#steering = new Steering(this.#sockets, this.#use, options.problem);
  }

  /** Whether a parked key is a listener's. */
  static owns(key: string): boolean {
    return key.startsWith("listen:");
  }

  /**
   * Takes back what another supervisor parked; the notes say what it was bound to and in which order.
   *
   * Where the store was lost with the keeper, the programs that use a socket still have it.
   *
   * @param pidsOf the living processes of a run, by its key
   */
  adopt(parked: ReadonlyMap<string, number>, pidsOf: (run: string) => readonly number[]): void {
    const { notesPath, store } = this.#options;
    const { sockets, used } = readNotes(notesPath);
    this.#use.restore(used);
    const lost: SocketNote[] = [];
    const known = new Set<number>();
    for (const note of sockets) {
      const fd = parked.get(note.key);
      if (fd === undefined || !isListeningSocket(fd)) lost.push(note);
      else {
        known.add(fd);
        this.#adopt({ ...note, fd });
      }
    }
    // Nobody knows them, or they were being closed when the last supervisor died.
    const others = [...parked].filter(([, fd]) => !known.has(fd));
    store.forget(others.map(([key]) => key));
    for (const [, fd] of others) end(fd);
    for (const note of lost) {
      const fd = regain(note, this.#use.usersOf(note.key).flatMap(pidsOf));
      if (fd === undefined) continue;
      this.#adopt({ ...note, fd });
      store.park([[note.key, fd]]);
    }
  }

  #adopt(open: OpenSocket): void {
    this.#sockets.add(open);
    this.#steering.adopt(open);
  }

  open(spec: ServiceSpec, run: RunId): readonly number[] {
    if (spec.listen.length === 0) return [];
    const sockets = spec.listen.map((listener) => this.#ensure(spec, { listener, run }));
    this.#use.begin(
      run,
      sockets.map(({ key }) => key),
    );
    this.#writeNotes();
    return sockets.map(({ fd }) => fd);
  }

  /** Lets only these runs get new connections; nobody: whoever is there, so that connections wait rather than fail. */
  steer(service: string, live: readonly RunId[]): void {
    this.#use.setLive(service, live);
    this.#steering.steer(service);
  }

  /** Whether connections wait for a run and for no other. */
  isWaitedFor(run: RunId): boolean {
    const live = new Set(this.#use.liveKeys(run.service));
    const own = this.#use.of(run).filter((key) => !live.has(key));
    return this.#sockets.all.some(({ key, fd }) => own.includes(key) && isAcceptable(fd));
  }

  /** A run has ended: closes what no other uses, unless it will be used again. */
  release(run: RunId, spec: ServiceSpec | undefined): void {
    if (!this.#use.end(run)) return;
    const used = this.#use.usedKeys();
    const outdated = this.#sockets
      .of(run.service)
      .filter((open) => !used.has(open.key) && !(spec && isWanted(open, spec) && !this.#isReplaced(open, run)));
    for (const open of outdated) this.#close(open);
    this.#writeNotes();
    // Who waited for the run that is gone waits for the others from now on.
    if (outdated.length > 0) this.#steering.steer(run.service);
  }

  /** Closes what only this slot used; with the last slot of a service, what all shared. */
  close(service: string, slot: number, isLast: boolean): void {
    const own = this.#sockets.of(service).filter(({ owner }) => isLast || owner === slot);
    for (const open of own) this.#close(open);
    if (own.length > 0) this.#writeNotes();
    if (isLast) this.#use.forgetService(service);
  }

  /**
   * How to ask one run on an address that several listen on. The kernel is told to give it what comes from a certain port.
   *
   * @param address `HOST:PORT` or `unix:PATH` that the question goes to
   */
  wayTo(run: RunId, address: string): Way {
    const keys = this.#use.of(run);
    const open = this.#sockets.all.find((one) => keys.includes(one.key) && isAt(address, one));
    return open ? this.#steering.wayTo(open) : straightOn;
  }

  /** Where a service's listeners are open, each address once. */
  addressesOf(service: string): readonly ListeningView[] {
    const views = this.#sockets.of(service).map(({ key, bound }): ListeningView => {
      const path = unixPath(key);
      return { name: listenerOf(key), address: path === undefined ? bound : `unix:${path}` };
    });
    return views.filter((view, index) => views.findIndex((one) => isDeepStrictEqual(one, view)) === index);
  }

  #ensure(spec: ServiceSpec, { listener, run }: { listener: ListenerSpec; run: RunId }): OpenSocket {
    const owner = ownerIn(spec, { listener, slot: run.slot });
    const base = baseKey(spec.name, { listener, owner });
    const lanes = this.#sockets.lanes(base);
    const known = chooseLane(lanes, {
      shunned: this.#use.othersInSlot(run),
      used: this.#use.usedKeys(),
      live: new Set(this.#use.liveKeys(spec.name)),
    });
    if (known) return this.#adjusted(known, listener);
    const lane = freeLane(lanes);
    const key = laneKey(base, lane);
    const where = atFile(listener, (path) => (lanes.length > 0 ? laneFile(path, lane) : path));
    const fd = openListener(where, { beside: this.#besides(spec.name, listener) });
    const bound = addressOfSocket(fd);
    const open: OpenSocket = { key, fd, bound, owner, service: spec.name, access: accessText(listener) };
    this.#sockets.add(open);
    const slot = owner === "shared" ? null : owner;
    if (lanes.length === 0) this.#options.onOpened(spec.name, { listener: listener.name, address: bound, slot });
    this.#options.store.park([[key, fd]]);
    if (listener.address.family === "tcp") this.#steering.steerPort(bound);
    return open;
  }

  #adjusted(open: OpenSocket, listener: ListenerSpec): OpenSocket {
    const access = accessText(listener);
    if (open.access === access) return open;
    adjustListener(
      open.fd,
      atFile(listener, (path) => wayToLane(path, laneOf(open.key))),
    );
    const adjusted = { ...open, access };
    this.#sockets.replace(open, adjusted);
    return adjusted;
  }

  /** The address of a socket of the service beside which this listener belongs. @throws LaresError `busy` if another has it */
  #besides(service: string, listener: ListenerSpec): string | undefined {
    const { address } = listener;
    if (address.family === "unix") return undefined;
    const isSame = ({ key, bound }: OpenSocket) =>
      key.endsWith(`/${listener.name}@${addressText(listener)}`) ||
      (address.port !== 0 && bound === `${address.host}:${address.port}`);
    const other = this.#sockets.all.find((open) => open.service !== service && address.port !== 0 && isSame(open));
    if (other) {
      throw new LaresError("busy", `Cannot listen on ${addressText(listener)}: service "${other.service}" does`, {
        hint: "Give one of them another port.",
      });
    }
    return this.#sockets.of(service).find(isSame)?.bound;
  }

  /** Whether others have taken the place of the ended run that used this socket, or nobody was ever sent to it. */
  #isReplaced(open: OpenSocket, run: RunId): boolean {
    const others = this.#sockets.lanes(baseOf(open.key)).filter((one) => one !== open);
    if (others.length > 0 && !this.#steering.isFed(open.key)) return true;
    return this.#use.isTakenOver(run, new Set(others.map(({ key }) => key)));
  }

  #close(open: OpenSocket): void {
    this.#sockets.remove(open);
    this.#steering.forget(open.key);
    this.#options.store.forget([open.key]);
    end(open.fd);
    const path = unixPath(open.key);
    if (path === undefined) {
      this.#steering.steerPort(open.bound);
      return;
    }
    removeLaneFile(path, laneOf(open.key));
    this.#steering.leadPath(baseOf(open.key));
  }

  #writeNotes(): void {
    const sockets = this.#sockets.all.map(({ fd: _, ...note }) => note);
    try {
      writeNotes(this.#options.notesPath, { sockets, used: this.#use.all });
    } catch (error) {
      this.#options.problem(`what listens where cannot be written down: ${errnoOf(error) ?? error}`);
    }
  }
}

/** The same, with the file of this very socket where it has one. */
function atFile(listener: ListenerSpec, file: (path: string) => string): ListenerSpec {
  const { address } = listener;
  return address.family === "unix" ? { ...listener, address: { ...address, path: file(address.path) } } : listener;
}

/** Whether a question to this address may reach the socket. */
function isAt(address: string, { key, bound }: Pick<SocketNote, "key" | "bound">): boolean {
  if (address.startsWith("unix:")) return key.endsWith(`@${address}`);
  return address.slice(address.lastIndexOf(":")) === bound.slice(bound.lastIndexOf(":"));
}

function regain({ bound }: SocketNote, pids: readonly number[]): number | undefined {
  for (const pid of pids) {
    const fd = copyListener(pid, bound);
    if (fd !== undefined) return fd;
  }
  return undefined;
}

function end(fd: number): void {
  stopListening(fd);
  closeFd(fd);
}
