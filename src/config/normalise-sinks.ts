import { isAbsolute, resolve } from "node:path";
import type { SinkSpec, SinkTarget, SyslogAddress, TlsFiles } from "../core/sink.ts";
import { defaults } from "./defaults.ts";
import { commandWords } from "./normalise-command.ts";
import { ms } from "./normalise-values.ts";
import type { ServiceInput } from "./schema.ts";
import type { ServiceContext } from "./service-context.ts";

type SinkInput = NonNullable<NonNullable<ServiceInput["log"]>["to"]>[string];
type SinkMapping = Exclude<SinkInput, string>;
type Way = SinkTarget["by"];

const ways = ["journald", "syslog", "loki", "otlp", "exec"] as const satisfies readonly Way[];
/** It becomes a file name. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Keys that are for some ways only. */
const waysOfKeys = {
  facility: ["syslog"],
  headers: ["loki", "otlp"],
  labels: ["loki", "otlp"],
  ca: ["syslog", "loki", "otlp"],
  cert: ["syslog", "loki", "otlp"],
  key: ["syslog", "loki", "otlp"],
} as const satisfies Partial<Record<keyof SinkMapping, readonly Way[]>>;

/** Where the lines of a service go besides its files; nothing where nothing is written. */
export function normaliseSinks(
  input: NonNullable<ServiceInput["log"]>["to"],
  context: ServiceContext,
): { readonly to?: readonly SinkSpec[] } {
  const path = [...context.path, "log", "to"];
  const sinks = Object.entries(input ?? {}).flatMap(([name, entry]) => {
    const sink = normaliseSink(name, entry, { ...context, path: [...path, name] });
    return sink === undefined ? [] : [sink];
  });
  return sinks.length === 0 ? {} : { to: sinks };
}

function normaliseSink(name: string, entry: SinkInput, context: ServiceContext): SinkSpec | undefined {
  const { path, problems } = context;
  if (!namePattern.test(name)) {
    const hint = "Use up to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit.";
    problems.push({ path, at: "key", message: `a sink cannot be named ${JSON.stringify(name)}`, hint });
  }
  const input: SinkMapping = typeof entry === "string" ? { journald: true } : entry;
  const [way, another] = ways.filter((key) => input[key] !== undefined);
  if (way === undefined) {
    const hint = `Add one of ${ways.map((key) => `\`${key}\``).join(", ")}.`;
    problems.push({ path, at: "key", message: "this sink leads nowhere", hint });
    return undefined;
  }
  if (another !== undefined) {
    const message = `\`${way}\` and \`${another}\` exclude each other`;
    problems.push({ path: [...path, another], at: "key", message, hint: "Make two sinks of them." });
  }
  refuseForeignKeys(input, way, context);
  const target = targetOf(input, way, context);
  return (
    target && {
      name,
      ...target,
      from: input.from ?? defaults.sink.from,
      delayMs: ms(input.delay ?? defaults.sink.delay),
      timeoutMs: ms(input.timeout ?? defaults.sink.timeout),
    }
  );
}

function refuseForeignKeys(input: SinkMapping, way: Way, { path, problems }: ServiceContext): void {
  for (const [key, allowed] of Object.entries<readonly Way[]>(waysOfKeys)) {
    if (input[key as keyof SinkMapping] === undefined || allowed.includes(way)) continue;
    const message = `\`${key}\` is for ${allowed.map((each) => `\`${each}\``).join(", ")}, and this is \`${way}\``;
    problems.push({ path: [...path, key], at: "key", message, hint: "Remove it." });
  }
  if ((input.cert === undefined) !== (input.key === undefined)) {
    const key = input.cert === undefined ? "key" : "cert";
    problems.push({ path: [...path, key], at: "key", message: "`cert` and `key` belong together" });
  }
}

function targetOf(input: SinkMapping, way: Way, context: ServiceContext): SinkTarget | undefined {
  const { directory, path, problems } = context;
  const { journald, syslog = "", exec = [] } = input;
  switch (way) {
    case "journald":
      return { by: way, path: typeof journald === "string" ? resolve(directory, journald) : defaults.sink.journald };
    case "syslog": {
      const to = syslogAddress(syslog);
      if (to === undefined) {
        const hint = "Write `tcp://HOST:PORT`, `tls://HOST:PORT` or `unix:/dev/log`.";
        problems.push({ path: [...path, way], message: `cannot send to ${JSON.stringify(syslog)}`, hint });
        return undefined;
      }
      return { by: way, to, facility: input.facility ?? defaults.sink.facility, tls: tlsFiles(input, context) };
    }
    case "loki":
    case "otlp":
      return httpTarget(input, way, context);
    case "exec":
      return { by: way, command: commandWords(exec, { path: [...path, way], problems }) };
  }
}

function httpTarget(input: SinkMapping, way: "loki" | "otlp", context: ServiceContext): SinkTarget | undefined {
  const url = URL.parse(input[way] ?? "");
  if (url === null) {
    context.problems.push({ path: [...context.path, way], message: `${JSON.stringify(input[way])} is no URL` });
    return undefined;
  }
  // In a URL they would be shown.
  const user = decodeURIComponent(`${url.username}:${url.password}`);
  const authorization = user === ":" ? {} : { Authorization: `Basic ${Buffer.from(user).toString("base64")}` };
  url.username = url.password = "";
  if (url.pathname === "/") url.pathname = way === "loki" ? "/loki/api/v1/push" : "/v1/logs";
  const { headers = {}, labels = {} } = input;
  return { by: way, url: url.href, headers: { ...authorization, ...headers }, labels, tls: tlsFiles(input, context) };
}

/** 601 and 6514 are the registered ports (RFC 3195, RFC 5425). */
function syslogAddress(text: string): SyslogAddress | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return isAbsolute(path) ? { transport: "unix", path } : undefined;
  }
  const [, transport, host, port] = /^(tcp|tls):\/\/(\[[^\]]+\]|[^:/\s]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  if (transport === undefined || host === undefined || Number(port ?? 1) > 65_535) return undefined;
  const usual = transport === "tls" ? 6514 : 601;
  return {
    transport: transport as "tcp" | "tls",
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port: port === undefined ? usual : Number(port),
  };
}

function tlsFiles({ ca, cert, key }: SinkMapping, { directory }: ServiceContext): TlsFiles {
  return {
    ...(ca !== undefined && { ca: resolve(directory, ca) }),
    ...(cert !== undefined && { cert: resolve(directory, cert) }),
    ...(key !== undefined && { key: resolve(directory, key) }),
  };
}
