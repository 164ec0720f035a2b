/** The logger: pino's records, our destination. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { Level, Logger, LoggerOptions as PinoOptions } from "pino";
import type { Destination } from "./destination.ts";
import { type DestinationOptions, FileDestination } from "./file-destination.ts";
import { LogFile, type RotationOptions } from "./log-file.ts";
import { prettyLine } from "./pretty.ts";
import { RecentLines } from "./recent-lines.ts";
import { StreamDestination } from "./stream-destination.ts";
import type { LogTrouble } from "./trouble.ts";

export type { Level, Logger } from "pino";

export interface LoggerOptions extends RotationOptions, Omit<DestinationOptions, "onTrouble"> {
  /** Put into every record. */
  readonly name?: string;
  /** Default `info`. */
  readonly level?: Level | "silent";
  /** A file of its own, with rotation; without one, standard output. */
  readonly file?: string | undefined;
  /** For people instead of NDJSON. Default: when standard output is a terminal. */
  readonly pretty?: boolean;
  /** Paths whose values are replaced by `[redacted]`: `req.headers.authorization`, `*.password`. */
  readonly redact?: readonly string[];
  /** Members of every record, beside pid and hostname. */
  readonly base?: Readonly<Record<string, unknown>>;
  /** How many of the last lines are remembered for crash reports. Default 50. */
  readonly recentLines?: number;
}

/** A logger and what can be done to it while it runs. Made by `createLogger`. */
export interface LogHandle extends AsyncDisposable {
  /** Pino's own logger: `log.info({ port }, "listening")`, `log.child({ request: 7 })`. */
  readonly log: Logger;
  readonly level: string;
  /** Lines given up because the buffer was full. */
  readonly dropped: number;
  /** Changes the level of this logger and of all its children that had the same. */
  setLevel(level: string): void;
  /** Opens the file at its path again, after somebody else has moved it. */
  reopen(): Promise<void>;
  /** Resolves when everything logged so far is written. */
  flush(): Promise<void>;
  /** As `flush`, before it returns: for the end of the process. */
  flushSync(): void;
  /** The last lines, oldest first. */
  recent(): readonly string[];
}

/** Loaded by `createLogger` only. */
export async function openLogger(options: LoggerOptions): Promise<LogHandle> {
  const { pino, stdTimeFunctions } = await import("pino");
  let log: Logger | undefined;
  const destination = new RecentLines(
    openDestination(options, (trouble) => report(trouble, { options, log })),
    options.recentLines ?? 50,
  );
  const family = new Family();
  const pinoOptions: PinoOptions = {
    level: options.level ?? "info",
    timestamp: stdTimeFunctions.epochTime,
    onChild: (child) => family.add(child as Logger),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.redact ? { redact: { paths: [...options.redact], censor: "[redacted]" } } : {}),
  };
  const root = pino(pinoOptions, destination);
  log = options.base ? root.child(options.base) : root;
  const flushAtEnd = () => sayLost(destination.flushSync(), options);
  const signals = flushOnFatalSignals(flushAtEnd);
  const end = () => {
    flushAtEnd();
    sayDropped(destination.dropped, options);
  };
  process.on("exit", end);
  const main = log;
  return {
    log: main,
    get level() {
      return main.level;
    },
    get dropped() {
      return destination.dropped;
    },
    setLevel: (level) => family.setLevel(main, level),
    reopen: () => destination.reopen(),
    flush: () => destination.flush(),
    flushSync: flushAtEnd,
    recent: () => destination.lines(),
    async [Symbol.asyncDispose]() {
      await destination.flush();
      end();
      await destination.close();
      process.off("exit", end);
      signals[Symbol.dispose]();
    },
  };
}

function openDestination(options: LoggerOptions, onTrouble: (trouble: LogTrouble) => void): Destination {
  if (options.file !== undefined) {
    return new FileDestination(new LogFile(options.file, options), { ...options, onTrouble });
  }
  const pretty = options.pretty ?? isatty(1);
  const bufferBytesMax = options.bufferBytesMax ?? 16 * 1024 ** 2;
  return new StreamDestination(1, { bufferBytesMax, onTrouble, ...(pretty ? { format: prettyLine } : {}) });
}

/** What happens to the log cannot be said in the log alone. */
function report(trouble: LogTrouble, known: { options: LoggerOptions; log: Logger | undefined }): void {
  const { kind, reason, dropped } = trouble;
  const name = known.options.name ?? "log";
  if (kind === "recovered") {
    known.log?.warn({ reason, dropped }, "the log is written again");
  } else {
    tell(`${name}: the log ${placeOf(known.options)} cannot be written: ${reason}\n`);
  }
}

function sayLost(bytes: number, options: LoggerOptions): void {
  if (bytes > 0) tell(`${options.name ?? "log"}: the last ${bytes} bytes of the log ${placeOf(options)} are lost\n`);
}

function sayDropped(lines: number, options: LoggerOptions): void {
  if (lines > 0) tell(`${options.name ?? "log"}: ${lines} lines of the log ${placeOf(options)} were dropped\n`);
}

function placeOf({ file }: LoggerOptions): string {
  return file === undefined ? "on standard output" : `"${file}"`;
}

/** Standard error may be closed, or a pipe that nobody reads. */
function tell(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    return;
  }
}

/**
 * A signal that would end the process is given back to it after a flush, if nobody else listens for it.
 * `exit` is not emitted for those.
 */
function flushOnFatalSignals(flush: () => void): Disposable {
  const listeners = (["SIGTERM", "SIGINT", "SIGHUP"] as const).map((signal) => {
    const listener = () => {
      flush();
      if (process.listenerCount(signal) > 1) return;
      process.off(signal, listener);
      process.kill(process.pid, signal);
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return {
    [Symbol.dispose]: () => {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
}

/** All children, weakly: a pino child has a level of its own from its birth on. */
class Family {
  readonly #children = new Set<WeakRef<Logger>>();
  readonly #gone = new FinalizationRegistry<WeakRef<Logger>>((reference) => this.#children.delete(reference));

  add(child: Logger): void {
    const reference = new WeakRef(child);
    this.#children.add(reference);
    this.#gone.register(child, reference);
  }

  setLevel(main: Logger, level: string): void {
    const before = main.level;
    main.level = level;
    for (const reference of this.#children) {
      const child = reference.deref();
      if (child?.level === before) child.level = level;
    }
  }
}
