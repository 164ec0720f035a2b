import { hostname } from "node:os";
import { type Facility, facilities } from "../../core/sink.ts";
import type { Entry } from "../backlog.ts";
import { severityOf } from "../severity.ts";

/** APP-NAME has no more characters. */
const APP_NAME_MAX = 48;
const HOSTNAME_MAX = 255;
const host =
  hostname()
    .replace(/[^!-~]/g, "_")
    .slice(0, HOSTNAME_MAX) || "-";

/**
 * One line as a syslog message (RFC 5424): the service is APP-NAME, `SLOT.GENERATION` is PROCID, whose change tells of a
 * restart, and the stream is MSGID.
 */
export function syslogMessage(entry: Entry, facility: Facility): string {
  const priority = facilities[facility] * 8 + severityOf(entry);
  const process = `${entry.slot}.${entry.generation}`;
  const header = [
    `<${priority}>1`,
    timestamp(entry),
    host,
    entry.service.slice(0, APP_NAME_MAX),
    process,
    entry.stream,
  ];
  return `${header.join(" ")} - ${entry.text}`;
}

/** Octet counting (RFC 6587, 3.4.1; RFC 5425, 4.3): whatever a message holds, its end is known. */
export function framed(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}

/** Microseconds are the most that RFC 5424 allows. */
function timestamp({ timeNs }: Entry): string {
  const micros = timeNs / 1000n;
  const seconds = new Date(Number(micros / 1_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000n).padStart(6, "0")}Z`;
}
