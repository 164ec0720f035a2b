/** Where the lines of a service go besides its files. Plain JSON with every default filled in, like the rest of a spec. */
export type SinkSpec = SinkTarget & {
  /** Unique within its service. The place that was reached is kept under it. */
  readonly name: string;
  /** Where it begins when no place is kept: with all that is stored, or with what is written from then on. */
  readonly from: "oldest" | "now";
  /** How long lines may wait for more, to go together. */
  readonly delayMs: number;
  /** A delivery that takes longer has failed. */
  readonly timeoutMs: number;
};

/** By what a line leaves, and to whom. */
export type SinkTarget =
  | { readonly by: "journald"; readonly path: string }
  | { readonly by: "syslog"; readonly to: SyslogAddress; readonly facility: Facility; readonly tls: TlsFiles }
  | ({ readonly by: "loki" } & HttpTarget)
  | ({ readonly by: "otlp" } & HttpTarget)
  | { readonly by: "exec"; readonly command: readonly string[] };

export type SyslogAddress =
  | { readonly transport: "tcp" | "tls"; readonly host: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

export interface HttpTarget {
  /** With the path to post to. */
  readonly url: string;
  /** May hold secrets: never shown. */
  readonly headers: Readonly<Record<string, string>>;
  /** Said of every line: Loki's labels, OTLP's resource attributes. */
  readonly labels: Readonly<Record<string, string>>;
  readonly tls: TlsFiles;
}

/** Absolute paths of PEM files. They are read for each connection, so that renewed ones are used. */
export interface TlsFiles {
  /** Who is trusted, instead of the machine's own list. */
  readonly ca?: string;
  /** What this side shows of itself. */
  readonly cert?: string;
  readonly key?: string;
}

/** Facilities by their numbers (RFC 5424, 6.2.1), under the names that syslog.conf(5) uses. */
export const facilities = {
  ...{
    kern: 0,
    user: 1,
    mail: 2,
    daemon: 3,
    auth: 4,
    syslog: 5,
    lpr: 6,
    news: 7,
    uucp: 8,
    cron: 9,
    authpriv: 10,
    ftp: 11,
  },
  ...{ local0: 16, local1: 17, local2: 18, local3: 19, local4: 20, local5: 21, local6: 22, local7: 23 },
} as const;

export type Facility = keyof typeof facilities;

/** A sink as it may be shown: the values of headers are left out. */
export function withoutHeaders(sink: SinkSpec): SinkSpec {
  if (!("headers" in sink)) return sink;
  const headers = Object.fromEntries(Object.keys(sink.headers).map((name) => [name, "[redacted]"]));
  return { ...sink, headers };
}
