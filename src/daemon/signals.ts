/** What each signal means to a daemon. */
import { constants } from "node:os";
import { isatty } from "node:tty";

export interface SignalActions {
  /** TERM or INT. */
  stop(signal: NodeJS.Signals): void;
  /** A second TERM or INT: at once. `code` is 128 and the signal's number. */
  force(signal: NodeJS.Signals, code: number): void;
  /** HUP. */
  reload(): void;
  /** USR1. */
  reopenLogs(): void;
  /** USR2. */
  upgrade(): void;
}

/** Where two senders come as a pair, so that a second signal is not yet a second request. */
export interface SignalSetting {
  /** systemd sends TERM right after the one of an `ExecStop=`. Default: whether it has started us. */
  readonly isSystemd?: boolean;
  /** Ctrl-C comes both from the terminal and from the npm that runs us. Default: whether we are at one. */
  readonly isTerminal?: boolean;
}

const systemdPairMs = 2_000;
const terminalPairMs = 200;

/**
 * Listens for the signals of a daemon: TERM and INT stop (a second one at once), HUP reloads, USR1 reopens logs, USR2
 * upgrades in place.
 *
 * @returns a disposable that gives the signals back to Node.
 * @example
 * ```ts
 * import { handleSignals } from "lares";
 *
 * using _signals = handleSignals({
 *   stop: (signal) => console.log(`stopping on ${signal}`),
 *   force: (_signal, code) => process.exit(code),
 *   reload: () => console.log("reloading"),
 *   reopenLogs: () => {},
 *   upgrade: () => {},
 * });
 * ```
 */
export function handleSignals(actions: SignalActions, setting: SignalSetting = {}): Disposable {
  const { isSystemd = process.env.INVOCATION_ID !== undefined, isTerminal = isatty(0) || isatty(1) } = setting;
  const pairedWithinMs = { SIGTERM: isSystemd ? systemdPairMs : 0, SIGINT: isTerminal ? terminalPairMs : 0 };
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const end = (signal: "SIGTERM" | "SIGINT") => {
    const at = performance.now();
    if (!first) {
      first = { signal, at };
      actions.stop(signal);
    } else if (signal !== first.signal || at - first.at >= pairedWithinMs[signal]) {
      actions.force(signal, 128 + constants.signals[signal]);
    }
  };
  // Listening for USR1 also keeps Node from opening its debugger on it.
  const listeners = {
    SIGTERM: end,
    SIGINT: end,
    SIGHUP: () => actions.reload(),
    SIGUSR1: () => actions.reopenLogs(),
    SIGUSR2: () => actions.upgrade(),
  } as const;
  const entries = Object.entries(listeners) as [NodeJS.Signals, (signal: NodeJS.Signals) => void][];
  for (const [signal, listener] of entries) process.on(signal, listener);
  return {
    [Symbol.dispose]: () => {
      for (const [signal, listener] of entries) process.off(signal, listener);
    },
  };
}
