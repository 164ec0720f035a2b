/**
 * Watching descriptors from the event loop: pipes, pidfds, datagram and listening sockets, without a thread.
 *
 * `koffi.node.poll` is a `uv_poll_t`. It is undocumented, so koffi's version is pinned and its traps end here:
 * handles that are garbage collected close silently; its callback gets `(status, events)` whatever its types say; an
 * exception in a callback hangs the loop; a descriptor that cannot be polled, or is polled twice, aborts the process.
 */
import { LaresError } from "../core/errors.ts";
import { check, koffi, lastErrno, libc, O_CLOEXEC } from "./libc.ts";

/** What happened to a descriptor. */
export interface WatchEvents {
  readonly readable: boolean;
  readonly writable: boolean;
  /** The other side is gone. For a pipe with nobody left to read, watching also ends by itself. */
  readonly disconnected: boolean;
}

/** A watched descriptor. */
export interface Watch {
  /** Ends it for good. Always before the descriptor itself is closed. */
  close(): void;
  /** Stops the callbacks; level-triggered, so nothing is missed. */
  pause(): void;
  resume(): void;
  /** Lets the process end although this is still watched. */
  unref(): void;
}

type PollHandle = InstanceType<typeof import("koffi").node.PollHandle>;
type KoffiEvents = { readable: boolean; writable: boolean; disconnect: boolean } | undefined;

/** Strong references, and the one record of what is watched. */
const handles = new Map<number, PollHandle>();

/**
 * Calls back whenever `fd` is ready. Sets `O_NONBLOCK` on its open file description, so never share that with a child.
 *
 * @param interest What to wait for; readable when nothing is said.
 * @throws LaresError `io` when the descriptor cannot be watched (a regular file, closed, watched already).
 */
export function watch(
  fd: number,
  interest: { readonly readable?: boolean; readonly writable?: boolean },
  callback: (events: WatchEvents) => void,
): Watch {
  assertWatchable(fd);
  return new KoffiWatch(fd, { writable: interest.writable ?? false, readable: interest.readable }, callback);
}

/** A class rather than closures: a supervisor of a thousand services has thousands of these. */
class KoffiWatch implements Watch {
  readonly #fd: number;
  readonly #options: { readonly readable: boolean; readonly writable: boolean; readonly disconnect: true };
  readonly #handle: PollHandle;
  readonly #listener: (events: NonNullable<KoffiEvents>) => void;

  constructor(
    fd: number,
    interest: { readonly readable: boolean | undefined; readonly writable: boolean },
    callback: (events: WatchEvents) => void,
  ) {
    this.#fd = fd;
    this.#options = {
      readable: interest.readable ?? !interest.writable,
      writable: interest.writable,
      disconnect: true,
    };
    // The published type has one parameter; the function is called with two.
    this.#listener = ((status: number, events: KoffiEvents) => {
      deliver(callback, status, events);
    }) as unknown as (events: NonNullable<KoffiEvents>) => void;
    this.#handle = koffi().node.poll(fd, this.#options, this.#listener);
    handles.set(fd, this.#handle);
  }

  close(): void {
    if (!this.#isOpen) return;
    handles.delete(this.#fd);
    this.#handle.close();
  }

  pause(): void {
    if (this.#isOpen) this.#handle.stop();
  }

  resume(): void {
    if (this.#isOpen) this.#handle.start(this.#options, this.#listener);
  }

  unref(): void {
    if (this.#isOpen) this.#handle.unref();
  }

  get #isOpen(): boolean {
    return handles.get(this.#fd) === this.#handle;
  }
}

function deliver(callback: (events: WatchEvents) => void, status: number, events: KoffiEvents): void {
  try {
    callback({
      readable: events?.readable ?? false,
      writable: events?.writable ?? false,
      disconnected: status < 0 || (events?.disconnect ?? false),
    });
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
let scratchEpoll: number | undefined;

/** Tries the descriptor on an epoll set of our own: the kernel's refusal is then an errno and not an abort. */
function assertWatchable(fd: number): void {
  if (handles.has(fd)) throw new LaresError("io", `Cannot watch descriptor ${fd}: it is watched already`);
  scratchEpoll ??= check("epoll_create1", libc.epoll_create1(O_CLOEXEC));
  const event = Buffer.alloc(16);
  if (libc.epoll_ctl(scratchEpoll, EPOLL_CTL_ADD, fd, event) === -1) {
    const code = lastErrno();
    const state = code === "EPERM" ? "it is a file or a device that is always ready" : code;
    throw new LaresError("io", `Cannot watch descriptor ${fd}: ${state}`);
  }
  check("epoll_ctl", libc.epoll_ctl(scratchEpoll, EPOLL_CTL_DEL, fd, event));
}
