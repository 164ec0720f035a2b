/** Tells whoever started us how we are: sd_notify(3), and the readiness descriptor of Lares and s6. */
import { closeSync, writeSync } from "node:fs";
import { formatNotify, type NotifyMessage } from "../protocol/notify.ts";
import { openNotifyTransport, type SendText } from "./notify-transport.ts";

type Environment = Record<string, string | undefined>;

/**
 * The sending end of sd_notify. Without `NOTIFY_SOCKET` every call does nothing.
 *
 * Failures are reported once to `onError` and never thrown: whether somebody listens must not decide whether we serve.
 *
 * @example
 * ```ts
 * import { Notifier } from "lares";
 *
 * const notifier = await Notifier.open();
 * notifier.status("warming the cache");
 * notifier.ready();
 * ```
 */
export class Notifier {
  #send: SendText | undefined;
  #readyFd: number | undefined;
  #broken = false;
  readonly #onError: (error: Error) => void;

  private constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  /**
   * Reads `NOTIFY_SOCKET` and `LARES_READY_FD`, and takes the latter out of the environment: a child is not to use it.
   *
   * @param options.env Defaults to `process.env`.
   * @param options.onError Told once when notifications cannot be sent. Default: a warning of the process.
   */
  static async open(options: { env?: Environment; onError?: (error: Error) => void } = {}): Promise<Notifier> {
    const { env = process.env, onError = (error) => process.emitWarning(error) } = options;
    const notifier = new Notifier(onError);
    const fd = Number(env.LARES_READY_FD);
    if (Number.isInteger(fd) && fd > 2) notifier.#readyFd = fd;
    delete env.LARES_READY_FD;
    if (env.NOTIFY_SOCKET) {
      try {
        notifier.#send = await openNotifyTransport(env.NOTIFY_SOCKET);
      } catch (error) {
        notifier.#fail(error);
      }
    }
    return notifier;
  }

  /** Whether somebody asked to be notified. */
  get isConnected(): boolean {
    return this.#send !== undefined;
  }

  /** Sends any message; the named methods below are the usual ones. */
  send(message: NotifyMessage): void {
    if (!this.#send || this.#broken) return;
    try {
      this.#send(formatNotify(message));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** `READY=1`, and a newline on the readiness descriptor. Also ends a reload. */
  ready(status?: string): void {
    this.send({ ready: true, ...(status === undefined ? {} : { status }) });
    if (this.#readyFd === undefined) return;
    try {
      writeSync(this.#readyFd, "\n");
      closeSync(this.#readyFd);
    } catch (error) {
      this.#fail(error);
    }
    this.#readyFd = undefined;
  }

  /** `RELOADING=1` with the time systemd wants, to tell it from a reload before; follow it with `ready`. */
  reloading(): void {
    this.send({ reloading: true, monotonicUsec: Number(process.hrtime.bigint() / 1000n) });
  }

  /** `STOPPING=1`. */
  stopping(status?: string): void {
    this.send({ stopping: true, ...(status === undefined ? {} : { status }) });
  }

  /** One line for `systemctl status` and `lares describe`. */
  status(text: string): void {
    this.send({ status: text });
  }

  /** Asks that the start, reload or stop under way may take this much longer from now on; repeat it in time. */
  extendTimeout(ms: number): void {
    this.send({ extendTimeoutUsec: Math.ceil(ms * 1000) });
  }

  /** Says that another process is the service from now on. */
  mainPid(pid: number): void {
    this.send({ mainPid: pid });
  }

  #fail(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#onError(error instanceof Error ? error : new Error(String(error)));
  }
}
