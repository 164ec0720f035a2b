import { errnoOf } from "../os/libc.ts";
import { steerReuseport } from "../os/reuseport.ts";
import { orderReuseport } from "../os/reuseport-order.ts";
import { baseOf, laneOf } from "./listener-lanes.ts";
import type { OpenSockets } from "./open-sockets.ts";
import { Questions, straightOn, type Way } from "./questions.ts";
import type { SocketUse } from "./socket-use.ts";
import { leadTo, wayToLane } from "./unix-lanes.ts";

/** Has new connections go to sockets from which a run that is live accepts: by a kernel program, or by the file of a path. */
export class Steering {
  readonly #sockets: OpenSockets;
  readonly #use: SocketUse;
  readonly #problem: (sentence: string) => void;
  /** Addresses of which sockets may have been closed while nobody was there to see it. */
  readonly #unsure = new Set<string>();
  /** Sockets in which connections may wait. */
  readonly #fed = new Set<string>();
  readonly #questions = new Questions();

  constructor(sockets: OpenSockets, use: SocketUse, problem: (sentence: string) => void) {
    this.#sockets = sockets;
    this.#use = use;
    this.#problem = problem;
  }

  /** A socket of an earlier supervisor: where the kernel counts it is not known for sure. */
  adopt({ key, bound }: { readonly key: string; readonly bound: string }): void {
    this.#fed.add(key);
    this.#unsure.add(bound);
  }

  isFed(key: string): boolean {
    return this.#fed.has(key);
  }

  forget(key: string): void {
    this.#fed.delete(key);
  }

  /** Everything of a service. */
  steer(service: string): void {
    const own = this.#sockets.of(service);
    const [unix, tcp] = [own.filter(({ key }) => unixPath(key)), own.filter(({ key }) => !unixPath(key))];
    for (const bound of new Set(tcp.map((open) => open.bound))) this.steerPort(bound);
    for (const base of new Set(unix.map(({ key }) => baseOf(key)))) this.leadPath(base);
  }

  steerPort(bound: string): void {
    const [first] = this.#sockets.at(bound);
    if (!first) return;
    if (this.#unsure.delete(bound)) this.#makeSure(bound);
    const positions = this.#positions(bound);
    steerReuseport(first.fd, this.#accepting(first.service, positions), this.#questions.towards(positions));
  }

  /** A path leads to one socket at a time: the latest from which somebody accepts. */
  leadPath(base: string): void {
    const lanes = this.#sockets.lanes(base);
    const [first] = lanes;
    if (!first) return;
    const [live, used] = [new Set(this.#use.liveKeys(first.service)), this.#use.usedKeys()];
    const target = lanes.findLast(({ key }) => live.has(key)) ?? lanes.find(({ key }) => used.has(key)) ?? first;
    this.#fed.add(target.key);
    const numbers = lanes.map(({ key }) => laneOf(key));
    leadTo(unixPath(base) ?? "", { lane: laneOf(target.key), lanes: numbers });
  }

  /** How to ask the one who accepts from a socket. */
  wayTo({ key, bound }: { readonly key: string; readonly bound: string }): Way {
    const path = unixPath(key);
    if (path !== undefined) return { ...straightOn, path: wayToLane(path, laneOf(key)) };
    if (this.#sockets.at(bound).length === 1) return straightOn;
    return this.#questions.begin(key, () => this.steerPort(bound));
  }

  #makeSure(bound: string): void {
    const port = this.#sockets.at(bound);
    const [first] = port;
    if (!first || port.length === 1) return;
    const fds = port.map(({ fd }) => fd);
    try {
      const believed = this.#accepting(first.service, this.#positions(bound));
      this.#sockets.reorder(bound, orderReuseport(fds, believed));
    } catch (error) {
      this.#problem(`which socket of ${bound} is which cannot be found out: ${errnoOf(error) ?? error}`);
    }
  }

  #positions(bound: string): ReadonlyMap<string, number> {
    return new Map(this.#sockets.at(bound).map(({ key }, index) => [key, index]));
  }

  /** The positions that may get connections, once for each run that accepts there; nobody: of all that may come to. */
  #accepting(service: string, positions: ReadonlyMap<string, number>): readonly number[] {
    const live = this.#use.liveKeys(service).filter((key) => positions.has(key));
    const keys = live.length > 0 ? live : [...this.#use.usedKeys()].filter((key) => positions.has(key));
    for (const key of keys) this.#fed.add(key);
    return keys.flatMap((key) => positions.get(key) ?? []);
  }
}

/** The path of a Unix socket's listener. */
export function unixPath(key: string): string | undefined {
  return /@unix:(.+)$/s.exec(key)?.[1];
}
