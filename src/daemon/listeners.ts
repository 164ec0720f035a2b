/** Listening sockets, inherited or bound: where they come from is no concern of the server that accepts on them. */
import { once } from "node:events";
import type { AddressInfo, Server as NetServer } from "node:net";
import { LaresError } from "../core/errors.ts";
import { type InheritedDescriptor, listenVariables, parseListenEnvironment } from "../protocol/listen-fds.ts";
import { type DrainableServer, type DrainOptions, type DrainReport, drainServer, trackServer } from "./drain.ts";
import { UnixSocketFile } from "./unix-socket-file.ts";

export interface ListenOptions {
  /** Under which a service manager passes it (`FileDescriptorName=`, a key of `listen:`). Default `default`. */
  readonly name?: string;
  /** A TCP port; 0 takes a free one. Ignored, as all that follows, when the listener is inherited. */
  readonly port?: number;
  /** Default: every address. */
  readonly host?: string;
  /** A Unix socket instead of a port. A file that nobody listens on any more is replaced. */
  readonly path?: string;
  /** Permissions of the Unix socket, for example 0o660. */
  readonly mode?: number;
  readonly backlog?: number;
}

/** A listener that can be handed to a successor. */
export interface PassableListener {
  readonly name: string;
  readonly fd: number;
}

interface Open {
  readonly name: string;
  readonly server: DrainableServer;
  readonly file: UnixSocketFile | undefined;
}

/**
 * All listeners of a program: each is taken from `LISTEN_FDS` when it was passed, and bound otherwise.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { Listeners } from "lares";
 *
 * const listeners = new Listeners();
 * const server = createServer((_request, response) => response.end("hello"));
 * const address = await listeners.listen(server, { name: "http", port: 0, host: "127.0.0.1" });
 * console.log(address); // 127.0.0.1:40123
 * await listeners.drain({ graceMs: 1000 });
 * ```
 */
export class Listeners {
  readonly #inherited: InheritedDescriptor[];
  readonly #open: Open[] = [];
  #handedOver = false;

  /** @param env Its `LISTEN_*` are read and removed, so that a child does not believe them. Default `process.env`. */
  constructor(env: Record<string, string | undefined> = process.env) {
    this.#inherited = parseListenEnvironment(env, process.pid);
    if (this.#inherited.length > 0) for (const variable of listenVariables) delete env[variable];
  }

  /** Names of inherited listeners that nobody has asked for. */
  get unused(): readonly string[] {
    return this.#inherited.map(({ name }) => name);
  }

  /**
   * Lets a server listen.
   *
   * @returns where, as `host:port` or the path of the socket.
   * @throws LaresError `busy`, `not_permitted` or `io`.
   */
  async listen(server: DrainableServer, options: ListenOptions): Promise<string> {
    const name = options.name ?? "default";
    trackServer(server);
    const inherited = this.#take(name);
    if (inherited) {
      await listening(server, { fd: inherited.fd });
      await markCloseOnExec(inherited.fd);
      this.#open.push({ name, server, file: undefined });
    } else if (options.path !== undefined) {
      this.#open.push({ name, server, file: await bindUnix(server, { ...options, path: options.path }) });
    } else {
      const { port = 0, host, backlog } = options;
      await listening(server, { port, ...(host === undefined ? {} : { host }), ...(backlog ? { backlog } : {}) });
      this.#open.push({ name, server, file: undefined });
    }
    return describeAddress(server, options);
  }

  /** What a successor may inherit, in the order it was opened. */
  passable(): PassableListener[] {
    return this.#open.flatMap(({ name, server }) => {
      const fd = (server as { _handle?: { fd?: number } | null })._handle?.fd;
      return fd === undefined || fd < 0 ? [] : [{ name, fd }];
    });
  }

  /** A successor has them now: the files of Unix sockets are its to remove. */
  handedOver(): void {
    this.#handedOver = true;
  }

  /** Names of servers that still have connections, with their number. */
  busy(): string[] {
    return this.#open
      .map(({ name, server }) => ({ name, count: trackServer(server).size }))
      .filter(({ count }) => count > 0)
      .map(({ name, count }) => `listener "${name}": ${count} connection${count === 1 ? "" : "s"}`);
  }

  /**
   * Drains the servers; resolves when all their connections are gone.
   *
   * @param options.only Names of those that are meant. Default: all.
   */
  async drain(options: DrainOptions & { readonly only?: (name: string) => boolean } = {}): Promise<DrainReport> {
    const { only = () => true, ...how } = options;
    const meant = this.#open.filter(({ name }) => only(name));
    const listening = meant.filter(({ server }) => (server as NetServer).listening);
    const reports = await Promise.all(listening.map(({ server }) => drainServer(server, how)));
    if (!this.#handedOver) for (const { file } of meant) file?.remove();
    for (const one of meant) this.#open.splice(this.#open.indexOf(one), 1);
    return {
      connections: reports.reduce((sum, { connections }) => sum + connections, 0),
      cut: reports.reduce((sum, { cut }) => sum + cut, 0),
    };
  }

  /** By name; else the next one without a name of its own: systemd calls it after the socket unit by default. */
  #take(name: string): InheritedDescriptor | undefined {
    let index = this.#inherited.findIndex((candidate) => candidate.name === name);
    if (index === -1) index = this.#inherited.findIndex(({ name }) => name === "unknown" || name.endsWith(".socket"));
    return index === -1 ? undefined : this.#inherited.splice(index, 1)[0];
  }
}

async function bindUnix(server: DrainableServer, options: ListenOptions & { path: string }): Promise<UnixSocketFile> {
  const file = new UnixSocketFile(options.path);
  await file.assertFree();
  await listening(server, { path: file.temporaryPath });
  file.publish(options.mode);
  return file;
}

async function listening(
  server: DrainableServer,
  target: { port?: number; path?: string; fd?: number },
): Promise<void> {
  try {
    const started = once(server, "listening");
    (server as NetServer).listen(target);
    await started;
  } catch (cause) {
    throw await explain(target, cause);
  }
}

async function explain(target: { port?: number; path?: string; fd?: number }, cause: unknown): Promise<LaresError> {
  const what = `Cannot listen on ${target.path ? `"${target.path}"` : (target.port ?? `descriptor ${target.fd}`)}`;
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE" && target.port !== undefined) {
    const { findPortHolder } = await import("../os/port-holder.ts");
    const holder = findPortHolder(target.port) ?? "another process";
    return new LaresError("busy", `${what}: ${holder} listens there`, {
      hint: "Stop it, or choose another port.",
      cause,
    });
  }
  if (code === "EACCES") {
    return new LaresError("not_permitted", `${what}: this user may not`, {
      hint: target.path ? "Choose another directory." : "Choose a port from 1024 on, or let a service manager pass it.",
      cause,
    });
  }
  return new LaresError("io", `${what}: ${code ?? cause}`, { cause });
}

/** Best effort: without koffi our children inherit the listener, as Node leaves it. */
async function markCloseOnExec(fd: number): Promise<void> {
  try {
    const { setCloseOnExec } = await import("../os/descriptors.ts");
    setCloseOnExec(fd, true);
  } catch {
    return;
  }
}

function describeAddress(server: DrainableServer, options: ListenOptions): string {
  const address = (server as NetServer).address() as AddressInfo | string | null;
  if (address === null || typeof address === "string") return options.path ?? address ?? "unknown";
  return address.family === "IPv6" ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
