import type { RunId } from "../core/effects.ts";
import { assertNever } from "../core/errors.ts";
import type { ProbeTarget, ServiceSpec } from "../core/spec.ts";
import type { Holding } from "./holding.ts";
import type { Probes } from "./instances-options.ts";
import type { Kernel } from "./kernel.ts";

/** One question to a program from outside. Rejects with the reason when the answer is bad, or when told to give up. */
export type Ask = (
  target: ProbeTarget,
  options: {
    readonly spec: ServiceSpec;
    readonly holding: Holding;
    readonly signal: AbortSignal;
    /** How to reach this run where others listen on the same address. */
    readonly way?: { readonly localPort?: number; readonly path?: string };
  },
) => Promise<string>;

export interface ProbesOptions {
  readonly kernel: Pick<Kernel, "watch" | "read" | "look" | "later">;
  readonly ask: Ask;
  /** Calls back, now or later, with lines that a run had written before it was taken up again. */
  readonly pastLines: (run: RunId, onLine: (line: string) => void) => void;
  /** Whether a process of the run listens on a socket of its own. */
  readonly isListening: (holding: Holding) => boolean;
}

/** Looks often at first, when most programs become ready, then less often. */
const askAgainMs = [20, 20, 50, 50, 100, 100, 200] as const;
const askAgainLaterMs = 250;
/** How long one question for readiness may take. */
const askTimeoutMs = 2000;

/** Readiness and health as asked from outside. */
export function probesOf({ kernel, ask, isListening, pastLines }: ProbesOptions): Probes {
  return {
    untilReady(holding, spec, onReady) {
      const { ready } = spec;
      switch (ready.by) {
        case "fd":
          return untilNewline(holding, onReady);
        case "log":
          return untilLine(holding, { pattern: new RegExp(ready.pattern), onReady });
        case "listening":
          return repeatedly(async () => isListening(holding), onReady);
        case "http":
        case "tcp":
        case "exec":
          return repeatedly((signal) => ask(ready, { spec, holding, signal }).then(() => true), onReady);
        case "notify":
        case "delay":
        case "started":
          return () => {};
        default:
          return assertNever(ready);
      }
    },
    checkHealth(holding, spec, onAnswer) {
      const { health } = spec;
      if (!health) return () => {};
      const control = new AbortController();
      const cancel = kernel.later(health.timeoutMs, () =>
        control.abort(new Error(`no answer within ${health.timeoutMs} ms`)),
      );
      let isOver = false;
      const answer = (ok: boolean, detail: string) => {
        cancel();
        if (isOver) return;
        isOver = true;
        onAnswer({ ok, detail });
      };
      ask(health.probe, { spec, holding, signal: control.signal }).then(
        (detail) => answer(true, detail),
        (error: unknown) => answer(false, reasonOf(control.signal.aborted ? control.signal.reason : error)),
      );
      return () => {
        // An abort makes an error with a stack: too dear for each of the many that were answered long ago.
        if (isOver) return;
        isOver = true;
        cancel();
        control.abort();
      };
    },
  };

  /** The first newline means ready, and its absence at the end means nothing (s6). */
  function untilNewline(holding: Holding, onReady: () => void): () => void {
    const fd = holding.fds.get("ready");
    // The store was lost, and the program has closed its end, as programs do that have said it.
    if (fd === undefined) return kernel.later(0, onReady);
    const watch = kernel.watch(fd, () => {
      // The newline stays in the pipe: a supervisor that dies before this is written down leaves it to the next one.
      for (let bytes = kernel.look(fd); bytes; bytes = kernel.look(fd)) {
        if (bytes.includes(0x0a) || kernel.read(fd)?.includes(0x0a)) return onReady();
        if (bytes.length === 0) return watch.close();
      }
    });
    return () => watch.close();
  }

  function untilLine(holding: Holding, { pattern, onReady }: { pattern: RegExp; onReady: () => void }): () => void {
    let isStopped = false;
    const look = (line: string) => {
      if (isStopped || !pattern.test(line)) return;
      stop();
      onReady();
    };
    const stops = [holding.stdout?.watchLines(look), holding.stderr?.watchLines(look)];
    const stop = () => {
      isStopped = true;
      for (const one of stops) one?.();
    };
    // The line may have been written to the file in the very moment in which the last supervisor died.
    if (holding.isAdopted) pastLines(holding.run, look);
    return stop;
  }

  function repeatedly(attempt: (signal: AbortSignal) => Promise<boolean>, onReady: () => void): () => void {
    const control = new AbortController();
    let cancel = () => {};
    let count = 0;
    const next = () => {
      if (control.signal.aborted) return;
      const delay = askAgainMs[count] ?? askAgainLaterMs;
      count += 1;
      cancel = kernel.later(delay, tryOnce);
    };
    const tryOnce = () => {
      attempt(AbortSignal.any([control.signal, AbortSignal.timeout(askTimeoutMs)])).then(
        (ready) => (ready && !control.signal.aborted ? onReady() : next()),
        next,
      );
    };
    tryOnce();
    return () => {
      control.abort();
      cancel();
    };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
