/** Whether an inherited listener is the one a program means when it names an address. */
import { resolve } from "node:path";
import type { ListenTarget } from "./listen-call.ts";

export type ListenerAddress =
  | { readonly kind: "tcp"; readonly port: number; readonly host: string }
  | { readonly kind: "unix"; readonly path: string };

const wildcards = new Set(["0.0.0.0", "::"]);
const loopbacks = new Set(["127.0.0.1", "::1"]);

/**
 * How well an address fits: 0 not at all, more is better.
 *
 * The port must be the same. A program that names no host, or all of them, means whatever the operator configured; a
 * program that names one host also gets a listener for all of them, for it could not bind its own beside that.
 */
export function fitness(address: ListenerAddress, target: ListenTarget): number {
  if (target.kind === "unix") return address.kind === "unix" && resolve(target.path) === resolve(address.path) ? 3 : 0;
  if (target.kind === "fd" || address.kind === "unix" || address.port !== target.port) return 0;
  const host = target.host?.toLowerCase();
  if (host === address.host || (host === "localhost" && loopbacks.has(address.host))) return 3;
  if (wildcards.has(address.host)) return 2;
  return host === undefined || wildcards.has(host) ? 1 : 0;
}
