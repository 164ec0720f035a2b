/**
 * The messages of sd_notify(3): what a service tells its supervisor, one datagram each.
 *
 * The sender is not trusted: a field that makes no sense is left out, as systemd does (src/core/service.c), and a datagram
 * that cannot be read as a whole is rejected with the reason.
 */
import { isFdName } from "./listen-fds.ts";

/** Fields absent from the message are absent here. */
export interface NotifyMessage {
  /** Start-up is complete. Together with `reloading`: a reload began and is already over. */
  readonly ready?: true;
  readonly reloading?: true;
  /** The service is ending. Wins over `ready` and `reloading`, which are then absent. */
  readonly stopping?: true;
  /** CLOCK_MONOTONIC in microseconds; tells an answer to a reload signal from an older message. */
  readonly monotonicUsec?: number;
  /** One line for people, at most `statusBytesMax` bytes; empty clears the one before. */
  readonly status?: string;
  readonly errno?: number;
  readonly busError?: string;
  readonly varlinkError?: string;
  readonly exitStatus?: number;
  /** 2 to 4,194,304; that the process exists and belongs to the service is for the receiver to check. */
  readonly mainPid?: number;
  readonly watchdog?: "ping" | "trigger";
  /** Replaces the watchdog's interval, in microseconds. */
  readonly watchdogUsec?: number;
  /** The current phase may take at least this much longer, in microseconds. */
  readonly extendTimeoutUsec?: number;
  readonly restartReset?: true;
  /** Close the accompanying descriptor once all earlier messages have been dealt with. */
  readonly barrier?: true;
  /** Keep the accompanying descriptors. */
  readonly fdStore?: true;
  /** Forget every kept descriptor called `fdName`, which is then present. */
  readonly fdStoreRemove?: true;
  readonly fdName?: string;
  /** Keep the descriptor even when its other end hangs up. */
  readonly fdPoll?: false;
  readonly notifyAccess?: "none" | "main" | "exec" | "all";
  /** An extension of ours, `X_LARES_REPLACE=1`: the service asks for a fresh process in its place. */
  readonly replace?: true;
}

export interface NotifyRejected {
  readonly rejected: string;
}

export interface ReceivedDatagram {
  /** Whether the kernel cut the payload or its control data (MSG_TRUNC, MSG_CTRUNC). */
  readonly truncated: boolean;
  /** How many descriptors came with it, where the receiver counts them. */
  readonly descriptors?: number;
}

/** The largest datagram read, as in systemd: PIPE_BUF. */
const notifyBytesMax = 4096;

/** The longest status in UTF-8; leaves room for every other field. */
export const statusBytesMax = 2048;

/** The largest value of `/proc/sys/kernel/pid_max`: PID_MAX_LIMIT on 64-bit Linux. */
const pidMax = 4_194_304;

const accessModes = ["none", "main", "exec", "all"] as const;

type Fields = { -readonly [Key in keyof NotifyMessage]: NotifyMessage[Key] };

/**
 * Reads one datagram. Never throws, whatever it holds.
 *
 * @param data the payload; one trailing NUL is allowed
 * @returns the fields that make sense, or why the whole datagram is to be dropped
 */
export function parseNotify(data: Uint8Array, received: ReceivedDatagram): NotifyMessage | NotifyRejected {
  if (received.truncated) return { rejected: "it was truncated" };
  const payload = data.at(-1) === 0 ? data.subarray(0, -1) : data;
  if (payload.length === 0) return { rejected: "it is empty" };
  if (payload.length > notifyBytesMax) return { rejected: `it is longer than ${notifyBytesMax} bytes` };
  if (payload.includes(0)) return { rejected: "it holds a NUL" };
  const lines = decodeLines(payload);
  if (lines.includes("BARRIER=1")) return parseBarrier(lines, received);
  return { ...parseStates(lines), ...parseValues(lines), ...parseDescriptors(lines) };
}

/**
 * Writes one datagram; the inverse of `parseNotify`.
 *
 * Text cannot forge a field: control characters become spaces. A status too long is cut, lest the whole message be lost.
 *
 * @example
 * formatNotify({ ready: true, status: "Listening on 8080" }); // "READY=1\nSTATUS=Listening on 8080\n"
 */
export function formatNotify(fields: NotifyMessage): string {
  const lines: [key: string, value: string | number | undefined][] = [
    ["STOPPING", fields.stopping && 1],
    ["READY", fields.ready && 1],
    ["RELOADING", fields.reloading && 1],
    ["MONOTONIC_USEC", fields.monotonicUsec],
    ["STATUS", fields.status === undefined ? undefined : cut(oneLine(fields.status), statusBytesMax)],
    ["ERRNO", fields.errno],
    ["BUSERROR", fields.busError && oneLine(fields.busError)],
    ["VARLINKERROR", fields.varlinkError && oneLine(fields.varlinkError)],
    ["EXIT_STATUS", fields.exitStatus],
    ["MAINPID", fields.mainPid],
    ["WATCHDOG", fields.watchdog === "ping" ? 1 : fields.watchdog],
    ["WATCHDOG_USEC", fields.watchdogUsec],
    ["EXTEND_TIMEOUT_USEC", fields.extendTimeoutUsec],
    ["RESTART_RESET", fields.restartReset && 1],
    ["BARRIER", fields.barrier && 1],
    ["FDSTORE", fields.fdStore && 1],
    ["FDSTOREREMOVE", fields.fdStoreRemove && 1],
    ["FDNAME", fields.fdName && oneLine(fields.fdName)],
    ["FDPOLL", fields.fdPoll === false ? 0 : undefined],
    ["NOTIFYACCESS", fields.notifyAccess],
    ["X_LARES_REPLACE", fields.replace && 1],
  ];
  return lines.map(([key, value]) => (value === undefined ? "" : `${key}=${value}\n`)).join("");
}

/** A line that is not UTF-8 is left out; the others still count. */
function decodeLines(payload: Uint8Array): string[] {
  const lines: string[] = [];
  for (let start = 0; start < payload.length; ) {
    const newline = payload.indexOf(10, start);
    const end = newline === -1 ? payload.length : newline;
    const line = decodeStrictly(payload.subarray(start, end));
    if (line !== undefined && line !== "") lines.push(line);
    start = end + 1;
  }
  return lines;
}

function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A barrier orders itself against other messages, so it may carry nothing else. */
function parseBarrier(lines: readonly string[], received: ReceivedDatagram): NotifyMessage | NotifyRejected {
  if (lines.length > 1) return { rejected: "it has other fields beside BARRIER=1" };
  if (received.descriptors !== undefined && received.descriptors !== 1) {
    return { rejected: `BARRIER=1 came with ${received.descriptors} descriptors instead of one` };
  }
  return { barrier: true };
}

function parseStates(lines: readonly string[]): Fields {
  const fields: Fields = {};
  if (lines.includes("STOPPING=1")) {
    fields.stopping = true;
  } else {
    if (lines.includes("READY=1")) fields.ready = true;
    if (lines.includes("RELOADING=1")) fields.reloading = true;
  }
  if (lines.includes("WATCHDOG=1")) fields.watchdog = "ping";
  if (lines.includes("WATCHDOG=trigger")) fields.watchdog = "trigger";
  if (lines.includes("RESTART_RESET=1")) fields.restartReset = true;
  if (lines.includes("X_LARES_REPLACE=1")) fields.replace = true;
  return fields;
}

function parseValues(lines: readonly string[]): Fields {
  const status = textOf(lines, "STATUS");
  const access = accessModes.find((mode) => mode === textOf(lines, "NOTIFYACCESS"));
  return present({
    monotonicUsec: numberOf(lines, "MONOTONIC_USEC"),
    status: status === undefined ? undefined : cut(oneLine(status), statusBytesMax),
    errno: numberOf(lines, "ERRNO"),
    busError: textOf(lines, "BUSERROR") || undefined,
    varlinkError: textOf(lines, "VARLINKERROR") || undefined,
    exitStatus: numberOf(lines, "EXIT_STATUS"),
    mainPid: within(numberOf(lines, "MAINPID"), 2, pidMax),
    watchdogUsec: numberOf(lines, "WATCHDOG_USEC"),
    extendTimeoutUsec: numberOf(lines, "EXTEND_TIMEOUT_USEC"),
    notifyAccess: access,
  });
}

/** A removal wins over a request to keep, and without a name it means nothing. */
function parseDescriptors(lines: readonly string[]): Fields {
  const name = textOf(lines, "FDNAME");
  const fdName = name !== undefined && isFdName(name) ? name : undefined;
  const remove = lines.includes("FDSTOREREMOVE=1");
  return present({
    fdStore: !remove && lines.includes("FDSTORE=1") ? (true as const) : undefined,
    fdStoreRemove: remove && fdName !== undefined ? (true as const) : undefined,
    fdName,
    fdPoll: lines.includes("FDPOLL=0") ? (false as const) : undefined,
  });
}

/** The value of the first line with this key. */
function textOf(lines: readonly string[], key: string): string | undefined {
  const prefix = `${key}=`;
  return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length);
}

/** A decimal number. What is beyond 2^53 (systemd writes 2^64-1 for "never") becomes the largest safe integer: 285 years. */
function numberOf(lines: readonly string[], key: string): number | undefined {
  const text = textOf(lines, key);
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** Control characters could forge a field here, or steer the terminal of whoever looks at the status. */
function oneLine(text: string): string {
  return text.toWellFormed().replace(/\p{Cc}/gu, " ");
}

/** The longest beginning of whole characters that fits. */
function cut(text: string, bytesMax: number): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(bytesMax)).read);
}

function present<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
