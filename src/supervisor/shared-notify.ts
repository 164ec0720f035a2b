import type { FdStore } from "./fd-store.ts";
import type { Holding } from "./holding.ts";
import type { Kernel, NotifyDatagram } from "./kernel.ts";
import { hearAll } from "./notifications.ts";

/** The key under which it is parked. */
const key = "notify:shared";

export interface SharedNotifyOptions {
  readonly kernel: Pick<Kernel, "bindNotify" | "receiveNotify" | "watch" | "tagOf">;
  readonly store: Pick<FdStore, "park">;
  readonly path: string;
  /** The run that carries a tag, while it is held. */
  readonly holdingOf: (tag: string) => Holding | undefined;
  readonly deliver: (holding: Holding, datagram: NotifyDatagram) => void;
  readonly problem: (sentence: string) => void;
}

/**
 * The sd_notify socket of all runs whose life does not depend on what they say there.
 *
 * A service that says `READY=1` or pings a watchdog has a socket for each run, so that there is no doubt about who spoke;
 * for the others a thousand sockets would be waste. Here the sender is found by the tag in its environment.
 */
export class SharedNotify {
  readonly #options: SharedNotifyOptions;

  constructor(options: SharedNotifyOptions) {
    this.#options = options;
  }

  /** Whether a parked key is this socket's. */
  static owns(parked: string): boolean {
    return parked === key;
  }

  /** Listens on what another supervisor parked, or on a new socket that every local user may send to. */
  open(parked: number | undefined): void {
    const { kernel, store, path } = this.#options;
    const fd = parked ?? kernel.bindNotify(path, { mode: 0o666 });
    if (parked === undefined) store.park([[key, fd]]);
    kernel.watch(fd, () => hearAll(kernel, fd, (datagram) => this.#attribute(datagram)));
  }

  #attribute(datagram: NotifyDatagram): void {
    const { kernel, holdingOf, deliver, problem } = this.#options;
    const pid = datagram.credentials?.pid;
    const tag = pid === undefined ? undefined : kernel.tagOf(pid);
    const holding = tag === undefined ? undefined : holdingOf(tag);
    if (holding) deliver(holding, datagram);
    else problem(`a notification of process ${pid ?? "unknown"} was dropped: no service is known by it`);
  }
}
