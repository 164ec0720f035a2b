import type { RunId } from "../core/effects.ts";
import { LaresError } from "../core/errors.ts";
import type { ListenerSpec, ServiceSpec } from "../core/spec.ts";
import { closeFd } from "../os/descriptors.ts";
import { errnoOf } from "../os/libc.ts";
import { addressOfSocket, copyListener } from "../os/regain-socket.ts";
import { steerReuseport } from "../os/reuseport.ts";
import { isAcceptable, stopListening } from "../os/sockets.ts";
import { laneFile } from "../protocol/lane-file.ts";
import type { FdStore } from "./fd-store.ts";
import { runKey } from "./holding.ts";
import type { SlotListeners } from "./interpreter.ts";
import { baseKey, baseOf, chooseLane, freeLane, isWanted, laneKey, laneOf, ownerIn } from "./listener-lanes.ts";
import { readNotes, type SocketNote, writeNotes } from "./listener-notes.ts";
import { accessText, addressText, adjustListener, openListener } from "./open-listener.ts";
import { type OpenSocket, OpenSockets } from "./open-sockets.ts";
import { Questions, straightOn, type Way } from "./questions.ts";
import { leadTo, removeLaneFile, wayToLane } from "./unix-lanes.ts";

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
  /** By run, the keys of the sockets it was started with. */
  readonly #used = new Map<string, readonly string[]>();
  /** By service, the runs that may get new connections. */
  readonly #live = new Map<string, readonly string[]>();
  /** Sockets in which connections may wait. */
  readonly #fed = new Set<string>();
  readonly #questions = new Questions();

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
   *
   * @param pidsOf the living processes of a run, by its key
   */
  adopt(parked: ReadonlyMap<string, number>, pidsOf: (run: string) => readonly number[]): void {
    const { notesPath, store } = this.#options;
    const { sockets, used } = readNotes(notesPath);
    for (const [run, keys] of Object.entries(used)) this.#used.set(run, keys);
    for (const note of sockets) {
      const users = [...this.#used].filter(([, keys]) => keys.includes(note.key)).map(([run]) => run);
      const fd = parked.get(note.key) ?? regain(note, users.flatMap(pidsOf));
      if (fd === undefined) continue;
      this.#sockets.add({ ...note, fd });
      this.#fed.add(note.key);
      if (!parked.has(note.key)) store.park([[note.key, fd]]);
    }
    const unknown = [...parked].filter(([key]) => !this.#sockets.all.some((open) => open.key === key));
    store.forget(unknown.map(([key]) => key));
    for (const [, fd] of unknown) end(fd);
  }

  open(spec: ServiceSpec, run: RunId): readonly number[] {
    if (spec.listen.length === 0) return [];
    const sockets = spec.listen.map((listener) => this.#ensure(spec, { listener, run }));
    this.#used.set(
      runKey(run),
      sockets.map(({ key }) => key),
    );
    this.#writeNotes();
    return sockets.map(({ fd }) => fd);
  }

  /** Lets only these runs get new connections; nobody: whoever is there, so that connections wait rather than fail. */
  steer(service: string, live: readonly RunId[]): void {
    this.#live.set(service, live.map(runKey));
    this.#steerAll(service);
  }

  /** Whether connections wait for a run and for no other. */
  isWaitedFor(run: RunId): boolean {
    const live = new Set(this.#liveKeys(run.service));
    const own = (this.#used.get(runKey(run)) ?? []).filter((key) => !live.has(key));
    return this.#sockets.all.some(({ key, fd }) => own.includes(key) && isAcceptable(fd));
  }

  /** A run has ended: closes what no other uses, unless it will be used again. */
  release(run: RunId, spec: ServiceSpec | undefined): void {
    if (!this.#used.delete(runKey(run))) return;
    const used = this.#usedKeys();
    const outdated = this.#sockets
      .of(run.service)
      .filter((open) => !used.has(open.key) && !(spec && isWanted(open, spec) && !this.#isReplaced(open, run)));
    for (const open of outdated) this.#close(open);
    this.#writeNotes();
    // Who waited for the run that is gone waits for the others from now on.
    if (outdated.length > 0) this.#steerAll(run.service);
  }

  /** Closes what only this slot used; with the last slot of a service, what all shared. */
  close(service: string, slot: number, isLast: boolean): void {
    const own = this.#sockets.of(service).filter(({ owner }) => isLast || owner === slot);
    for (const open of own) this.#close(open);
    if (own.length > 0) this.#writeNotes();
    if (isLast) this.#live.delete(service);
  }

  /**
   * How to ask one run on an address that several listen on. The kernel is told to give it what comes from a certain port.
   *
   * @param address `HOST:PORT` or `unix:PATH` that the question goes to
   */
  wayTo(run: RunId, address: string): Way {
    const keys = this.#used.get(runKey(run)) ?? [];
    const open = this.#sockets.all.find((one) => keys.includes(one.key) && isAt(address, one));
    if (!open) return straightOn;
    const path = unixPath(open.key);
    if (path !== undefined) return { ...straightOn, path: wayToLane(path, laneOf(open.key)) };
    if (this.#sockets.at(open.bound).length === 1) return straightOn;
    return this.#questions.begin(open.key, () => this.#steerPort(open.bound));
  }

  #ensure(spec: ServiceSpec, { listener, run }: { listener: ListenerSpec; run: RunId }): OpenSocket {
    const owner = ownerIn(spec, { listener, slot: run.slot });
    const base = baseKey(spec.name, { listener, owner });
    const lanes = this.#sockets.lanes(base);
    const known = chooseLane(lanes, {
      shunned: new Set(this.#othersInSlot(run)),
      used: this.#usedKeys(),
      live: new Set(this.#liveKeys(spec.name)),
    });
    if (known) return this.#adjusted(known, listener);
    const lane = freeLane(lanes);
    const key = laneKey(base, lane);
    const { address } = listener;
    const isBeside = address.family === "unix" && lanes.length > 0;
    const where = isBeside ? { ...listener, address: { ...address, path: laneFile(address.path, lane) } } : listener;
    const fd = openListener(where, { beside: this.#besides(spec.name, listener) });
    const bound = addressOfSocket(fd);
    const open: OpenSocket = { key, fd, bound, owner, service: spec.name, access: accessText(listener) };
    this.#sockets.add(open);
    const slot = owner === "shared" ? null : owner;
    if (lanes.length === 0) this.#options.onOpened(spec.name, { listener: listener.name, address: bound, slot });
    this.#options.store.park([[key, fd]]);
    if (address.family === "tcp") this.#steerPort(bound);
    return open;
  }

  #adjusted(open: OpenSocket, listener: ListenerSpec): OpenSocket {
    const access = accessText(listener);
    if (open.access === access) return open;
    adjustListener(open.fd, listener);
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
    if (others.length > 0 && !this.#fed.has(open.key)) return true;
    const keys = new Set(others.map(({ key }) => key));
    const [prefix] = runKey(run).split("#");
    return [...this.#used].some(([user, its]) => {
      const [place, generation] = user.split("#");
      return its.some((key) => keys.has(key)) && (place !== prefix || Number(generation) > run.generation);
    });
  }

  #close(open: OpenSocket): void {
    this.#sockets.remove(open);
    this.#fed.delete(open.key);
    this.#options.store.forget([open.key]);
    end(open.fd);
    const path = unixPath(open.key);
    if (path === undefined) return this.#steerPort(open.bound);
    removeLaneFile(path, laneOf(open.key));
    this.#leadPath(baseOf(open.key));
  }

  #steerAll(service: string): void {
    const [unix, tcp] = [new Set<string>(), new Set<string>()];
    for (const { key, bound } of this.#sockets.of(service)) {
      if (unixPath(key) === undefined) tcp.add(bound);
      else unix.add(baseOf(key));
    }
    for (const bound of tcp) this.#steerPort(bound);
    for (const base of unix) this.#leadPath(base);
  }

  #steerPort(bound: string): void {
    const port = this.#sockets.at(bound);
    const [first] = port;
    if (!first) return;
    const positions = new Map(port.map(({ key }, index) => [key, index]));
    const live = this.#liveKeys(first.service).filter((key) => positions.has(key));
    const accepting = live.length > 0 ? live : [...this.#usedKeys()].filter((key) => positions.has(key));
    for (const key of accepting) this.#fed.add(key);
    const indices = accepting.flatMap((key) => positions.get(key) ?? []);
    steerReuseport(first.fd, indices, this.#questions.towards(positions));
  }

  /** A path leads to one socket at a time: the latest from which somebody accepts. */
  #leadPath(base: string): void {
    const lanes = this.#sockets.lanes(base);
    const [first] = lanes;
    if (!first) return;
    const live = new Set(this.#liveKeys(first.service));
    const used = this.#usedKeys();
    const target = lanes.findLast(({ key }) => live.has(key)) ?? lanes.find(({ key }) => used.has(key)) ?? first;
    this.#fed.add(target.key);
    const numbers = lanes.map(({ key }) => laneOf(key));
    leadTo(unixPath(base) ?? "", { lane: laneOf(target.key), lanes: numbers });
  }

  #usedKeys(): ReadonlySet<string> {
    return new Set([...this.#used.values()].flat());
  }

  /** Once for each run that accepts there. */
  #liveKeys(service: string): readonly string[] {
    return (this.#live.get(service) ?? []).flatMap((run) => this.#used.get(run) ?? []);
  }

  #othersInSlot(run: RunId): readonly string[] {
    const own = runKey(run);
    const place = own.slice(0, own.lastIndexOf("#") + 1);
    return [...this.#used].flatMap(([key, used]) => (key !== own && key.startsWith(place) ? used : []));
  }

  #writeNotes(): void {
    const sockets = this.#sockets.all.map(({ fd: _, ...note }) => note);
    try {
      writeNotes(this.#options.notesPath, { sockets, used: Object.fromEntries(this.#used) });
    } catch (error) {
      this.#options.problem(`what listens where cannot be written down: ${errnoOf(error) ?? error}`);
    }
  }
}

/** The path of a Unix socket's listener. */
function unixPath(key: string): string | undefined {
  return /@unix:(.+)$/s.exec(key)?.[1];
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
