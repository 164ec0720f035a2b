/**
 * Lanes: several sockets of one listener, so that runs which must not take each other's connections do not.
 *
 * A successor listens beside its predecessor before it has shown that it lasts. With a socket of its own it gets no
 * connection until it is steered to, and one that dies before that had nothing in hand.
 */
import type { ListenerSpec, ServiceSpec } from "../core/spec.ts";
import type { SocketNote } from "./listener-notes.ts";
import { addressText } from "./open-listener.ts";

/** Whose socket it is: with `balance: even` each slot has its own. */
export type Owner = number | "shared";

/** What all lanes of a listener have in common: `listen:SERVICE/OWNER/NAME@ADDRESS`. */
export function baseKey(service: string, { listener, owner }: { listener: ListenerSpec; owner: Owner }): string {
  return `listen:${service}/${owner}/${listener.name}@${addressText(listener)}`;
}

/** The first lane has the base as its key, any other `listen:SERVICE/OWNER+LANE/…`. */
export function laneKey(base: string, lane: number): string {
  return lane === 0 ? base : base.replace(/^(listen:[^/]+\/[^/]+)/, `$1+${lane}`);
}

export function baseOf(key: string): string {
  return key.replace(/^(listen:[^/]+\/[^/+]+)\+\d+/, "$1");
}

export function laneOf(key: string): number {
  return Number(/^listen:[^/]+\/[^/+]+\+(\d+)/.exec(key)?.[1] ?? 0);
}

/** The name that the configuration has for the listener of a socket. */
export function listenerOf(key: string): string {
  return /^listen:[^/]+\/[^/]+\/([^@]+)@/.exec(key)?.[1] ?? key;
}

export function ownerIn(spec: ServiceSpec, { listener, slot }: { listener: ListenerSpec; slot: number }): Owner {
  return spec.balance === "even" && listener.address.family === "tcp" ? slot : "shared";
}

/** Whether the definition still names the listener of a socket. */
export function isWanted({ key, owner }: SocketNote, spec: ServiceSpec): boolean {
  const base = baseOf(key);
  return spec.listen.some((listener) => {
    const slot = owner === "shared" ? 0 : owner;
    return baseKey(spec.name, { listener, owner: ownerIn(spec, { listener, slot }) }) === base;
  });
}

/**
 * The lane that a run joins.
 *
 * @param lanes of its listener
 * @param shunned used by other runs of the same slot: the predecessor's
 * @returns the best of those that others accept from already, else one that nobody uses; undefined: a new one
 */
export function chooseLane<Lane extends SocketNote>(
  lanes: readonly Lane[],
  { shunned, used, live }: Record<"shunned" | "used" | "live", ReadonlySet<string>>,
): Lane | undefined {
  const free = lanes.filter(({ key }) => !shunned.has(key));
  const rank = ({ key }: Lane) => (live.has(key) ? 0 : used.has(key) ? 1 : 2);
  return free.sort((a, b) => rank(a) - rank(b))[0];
}

/** The lowest number that none of these has. */
export function freeLane(lanes: readonly SocketNote[]): number {
  const taken = new Set(lanes.map(({ key }) => laneOf(key)));
  for (let lane = 0; ; lane++) if (!taken.has(lane)) return lane;
}
