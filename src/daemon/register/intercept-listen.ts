/** Gives servers the inherited sockets when they listen on their addresses, and watches every server for readiness and drain. */
import { Server } from "node:net";
import { type ListenCall, readListenCall } from "./listen-call.ts";
import type { Listeners } from "./listeners.ts";
import type { InheritedListener } from "./open-inherited.ts";
import type { Readiness } from "./readiness.ts";

/** A program that names no backlog gets the largest the kernel allows (net.core.somaxconn): listening anew sets it. */
const backlogMax = 65_535;

/**
 * Replaces `net.Server.prototype.listen`, the one door for http, https, http2, tls and every framework above them.
 *
 * A cluster's primary comes through here too: it listens with a `net.Server` on behalf of its workers.
 */
export function interceptListen(listeners: Listeners, readiness: Readiness): void {
  const listen = Server.prototype.listen;
  const inheritedBy = new WeakMap<Server, InheritedListener>();
  const followed = new WeakSet<Server>();

  function follow(server: Server): void {
    listeners.follow(server);
    if (followed.has(server)) return;
    followed.add(server);
    server.on("listening", () => {
      listeners.accepts(server, inheritedBy.get(server));
      if (listeners.complete) readiness.announce();
    });
    server.on("close", () => listeners.closed(server));
  }

  function intercepted(this: Server, ...args: unknown[]): Server {
    const call = readListenCall(args);
    if (call !== undefined && listeners.refuses(call.target)) return this;
    follow(this);
    const inherited = call === undefined || this.listening ? undefined : listeners.take(call.target);
    if (call === undefined || inherited === undefined) return Reflect.apply(listen, this, args);
    inheritedBy.set(this, inherited);
    heed(this, call);
    // What server.address() answers for a unix socket; Node only knows the paths that it has bound itself.
    if (inherited.address.kind === "unix") Object.assign(this, { _pipeName: inherited.address.path });
    return Reflect.apply(listen, this, [inherited.socket, call.backlog ?? backlogMax]);
  }

  Server.prototype.listen = intercepted as typeof listen;
}

/** The parts of a call that Node does not look for beside a handle. */
function heed(server: Server, { callback, signal }: ListenCall): void {
  if (callback !== undefined) server.once("listening", callback);
  if (signal === undefined) return;
  const close = () => server.close();
  if (signal.aborted) process.nextTick(close);
  else signal.addEventListener("abort", close, { once: true });
}
