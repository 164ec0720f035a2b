/**
 * What differs between two definitions of a service, in the words of its configuration file, and what carrying that out does
 * to running instances.
 */
import { assertNever } from "./errors.ts";
import { type SinkSpec, withoutHeaders } from "./sink.ts";
import type { HealthSpec, ListenerSpec, ProbeTarget, ReadySpec, ServiceSpec } from "./spec.ts";

/** One key that differs. Null stands for absent. */
export interface SpecChange {
  /** As in the file, for example `limits.memory` or `env.NODE_ENV`. */
  readonly key: string;
  /** As in the file, for example `512M`; values of secrets are `[redacted]`. */
  readonly from: unknown;
  readonly to: unknown;
}

/** From the least to the most that running instances feel. */
export type ChangeEffect = "none" | "scale" | "reload" | "restart";

/**
 * Compares two definitions key by key.
 *
 * @param before undefined when the service is new
 * @param after undefined when it is removed
 * @returns the keys that differ, in the order of the file
 */
export function diffSpecs(before: ServiceSpec | undefined, after: ServiceSpec | undefined): readonly SpecChange[] {
  const old = before === undefined ? {} : effectiveKeys(before);
  const now = after === undefined ? {} : effectiveKeys(after);
  const keys = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...keys].flatMap((key) => {
    const from = old[key] ?? null;
    const to = now[key] ?? null;
    if (JSON.stringify(from) === JSON.stringify(to)) return [];
    return [{ key, from: hideSecret(key, from), to: hideSecret(key, to) }];
  });
}

/**
 * What a change does to instances that run.
 *
 * What only the supervisor uses takes effect at once; what a process was started with needs a new process.
 *
 * @param spec the definition after the change
 */
export function effectOf(changes: readonly SpecChange[], spec: ServiceSpec): ChangeEffect {
  const replace = spec.reload.style === "rolling" && spec.listen.length > 0 ? "reload" : "restart";
  const keys = changes.map((change) => change.key);
  if (keys.some((key) => !isSupervisorsOwn(key))) return replace;
  return keys.includes("instances") ? "scale" : "none";
}

/** Keys that no process was started with; a key with a dot after it stands for all below it. */
const supervisorsOwn = [
  ...["instances", "schedule", "after", "requires", "health", "restart", "stop", "reload", "log", "on"],
  // cgroups take new limits while processes run; rlimits (`files`, `core`) are given at the start.
  ...["limits.memory", "limits.memory_soft", "limits.cpu", "limits.pids"],
];

function isSupervisorsOwn(key: string): boolean {
  // The program was told its watchdog's interval when it was started (WATCHDOG_USEC).
  if (key === "health.watchdog") return false;
  return supervisorsOwn.some((own) => key === own || key.startsWith(`${own}.`));
}

function hideSecret(key: string, value: unknown): unknown {
  if (key.startsWith("log.to.") && value !== null) return withoutHeaders(value as SinkSpec);
  const isSecret = /^env\..*(?:PASS|SECRET|TOKEN|KEY|CREDENTIAL)/i.test(key);
  return isSecret && value !== null ? "[redacted]" : value;
}

/** The keys of the file that a definition amounts to. Objects that are one value to a user stay whole. */
function effectiveKeys(spec: ServiceSpec): Readonly<Record<string, unknown>> {
  const { health, restart, stop, reload, limits, ready } = spec;
  const { to: sinks = [], ...log } = spec.log;
  return {
    ...{ kind: spec.kind, schedule: spec.schedule, command: spec.command, directory: spec.directory },
    ...under("env", spec.env),
    ...{ user: spec.user, group: spec.group, umask: octal(spec.umask), nice: spec.nice, instances: spec.instances },
    ...under("listen", Object.fromEntries(spec.listen.map((listener) => [listener.name, listenerValue(listener)]))),
    ...{ balance: spec.balance, ready: readyValue(ready), "ready.timeout": formatDuration(ready.timeoutMs) },
    ...(health && under("health", healthValue(health))),
    "health.watchdog": duration(spec.watchdogMs),
    ...under("restart", inUnits(restart)),
    ...under("stop", inUnits(stop)),
    ...under("reload", inUnits(reload)),
    ...under("limits", inUnits(limits)),
    ...under("log", inUnits(log)),
    ...under("log.to", Object.fromEntries(sinks.map(({ name, ...sink }) => [name, inUnits(sink)]))),
    ...{ after: spec.after, requires: spec.requires },
    ...under("on", spec.on),
    register: spec.register,
  };
}

function under(prefix: string, values: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}.${key}`, value]));
}

/** Members as in the file: `delayMaxMs: 30000` is `delay_max: "30s"` there. */
function inUnits(values: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const unit = /(?:Ms|Bytes|Percent)$/.exec(name)?.[0];
      const key = name
        .slice(0, name.length - (unit?.length ?? 0))
        .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [key, typeof value === "number" ? formatNumber(value, { key, unit }) : value];
    }),
  );
}

function formatNumber(
  value: number,
  { key, unit }: { readonly key: string; readonly unit: string | undefined },
): unknown {
  if (unit === "Ms") return formatDuration(value);
  if (unit === "Percent") return `${value}%`;
  if (unit === "Bytes") return key === "rate" ? `${formatSize(value)}/s` : formatSize(value);
  return value;
}

function readyValue(ready: ReadySpec): unknown {
  switch (ready.by) {
    case "started":
    case "notify":
    case "listening":
      return ready.by;
    case "fd":
      return `fd:${ready.fd}`;
    case "delay":
      return { delay: formatDuration(ready.delayMs) };
    case "log":
      return { log: ready.pattern };
    default:
      return probeValue(ready);
  }
}

function healthValue({ probe, ...thresholds }: HealthSpec): Record<string, unknown> {
  return { ...probeValue(probe), ...inUnits(thresholds) };
}

function probeValue(probe: ProbeTarget): Record<string, unknown> {
  switch (probe.by) {
    case "http":
      return { http: probe.url };
    case "tcp":
      return { tcp: probe.address };
    case "exec":
      return { exec: probe.command };
    default:
      return assertNever(probe);
  }
}

function listenerValue({ address, backlog, mode, owner }: ListenerSpec): unknown {
  return { address: formatAddress(address), backlog, ...(mode !== undefined && { mode: octal(mode) }), ...owner };
}

function octal(mode: number | undefined): string | undefined {
  return mode === undefined ? undefined : mode.toString(8).padStart(3, "0");
}

function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatDuration(ms);
}

/** An address as users write it: `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/api.sock`. */
export function formatAddress(address: ListenerSpec["address"]): string {
  if (address.family === "unix") return `unix:${address.path}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * A duration as users write it, exactly: `90000` is `1m30s`.
 *
 * @param ms whole milliseconds, 0 or more
 */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = "";
  for (const [unit, length] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
    ["ms", 1],
  ] as const) {
    const count = Math.floor(rest / length);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * length;
  }
  return text === "" ? "0s" : text;
}

/**
 * A size as users write it, exactly, in the largest unit that leaves no fraction: `67108864` is `64M`, `1000` is `1000B`.
 *
 * @param bytes whole bytes, 0 or more
 */
export function formatSize(bytes: number): string {
  if (bytes === 0) return "0";
  const units = ["B", "K", "M", "G", "T"];
  let amount = bytes;
  let unit = 0;
  while (amount % 1024 === 0 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${amount}${units[unit]}`;
}
