import type { HealthSpec, ProbeTarget, ReadySpec } from "../core/spec.ts";
import { defaults } from "./defaults.ts";
import type { Path, Problem } from "./diagnostic.ts";
import { commandWords } from "./normalise-command.ts";
import { ms } from "./normalise-values.ts";
import type { ServiceInput } from "./schema.ts";
import type { ServiceContext } from "./service-context.ts";

type ReadyInput = Exclude<NonNullable<ServiceInput["ready"]>, string>;
type HealthInput = NonNullable<ServiceInput["health"]>;
type ReadyWay<Spec = ReadySpec> = Spec extends unknown ? Omit<Spec, "timeoutMs"> : never;

const probeKeys = ["http", "tcp", "exec"] as const;
const readyKeys = [...probeKeys, "started", "notify", "listening", "fd", "log", "delay"] as const;

/**
 * How the service becomes ready.
 *
 * @param options.byDefault what it is when nothing is written
 * @param options.fdMin the first descriptor that is no listener's
 */
export function normaliseReady(
  input: ServiceInput["ready"],
  { byDefault, fdMin, ...context }: ServiceContext & { readonly byDefault: ReadyWay; readonly fdMin: number },
): ReadySpec {
  const path = [...context.path, "ready"];
  const written = typeof input === "string" ? readyOfWord(input) : (input ?? {});
  const keys = readyKeys.filter((key) => written[key] !== undefined);
  if (keys.length > 1) context.problems.push(oneTooMany(path, keys));
  const way = keys[0] === undefined ? byDefault : readyWay(written, { ...context, path });
  if (written.fd !== undefined && written.fd < fdMin) {
    const message = written.fd < 3 ? "one of the standard three" : "a listener's";
    const hint = `Use one from ${fdMin} up.`;
    context.problems.push({ path, part: String(written.fd), message: `descriptor ${written.fd} is ${message}`, hint });
  }
  const timeoutMs = ms(written.timeout ?? defaults.readyTimeout);
  if (way.by === "delay" && way.delayMs >= timeoutMs) {
    const hint = "Make `timeout` longer than `delay`.";
    context.problems.push({
      path: [...path, "delay"],
      message: "it can never be ready: `delay` is not shorter than `timeout`",
      hint,
    });
  }
  return { ...way, timeoutMs };
}

/** The check and the watchdog of a service. */
export function normaliseHealth(
  input: ServiceInput["health"],
  context: ServiceContext,
): { readonly health?: HealthSpec; readonly watchdogMs?: number } {
  if (input === undefined) return {};
  const path = [...context.path, "health"];
  const keys = probeKeys.filter((key) => input[key] !== undefined);
  if (keys.length > 1) context.problems.push(oneTooMany(path, keys));
  const probe = probeOf(input, { ...context, path });
  const watchdog = input.watchdog === undefined ? {} : { watchdogMs: ms(input.watchdog) };
  if (probe !== undefined) return { health: healthOf(input, probe, { ...context, path }), ...watchdog };
  if (input.watchdog === undefined) {
    const hint = "Add one of `http`, `tcp`, `exec` or `watchdog`.";
    context.problems.push({ path, at: "key", message: "this health check asks nothing", hint });
  }
  return watchdog;
}

function healthOf(input: HealthInput, probe: ProbeTarget, { path, problems }: ServiceContext): HealthSpec {
  const intervalMs = ms(input.interval ?? defaults.health.interval);
  const timeoutMs = input.timeout === undefined ? Math.min(ms(defaults.health.timeout), intervalMs) : ms(input.timeout);
  if (timeoutMs > intervalMs) {
    const message = "`timeout` is longer than `interval`: checks would pile up";
    problems.push({ path: [...path, "timeout"], message, hint: "Lower `timeout`, or raise `interval`." });
  }
  return {
    probe,
    initialDelayMs: ms(input.initial_delay ?? defaults.health.initial_delay),
    intervalMs,
    timeoutMs,
    failures: input.failures ?? defaults.health.failures,
    successes: input.successes ?? defaults.health.successes,
    then: input.then ?? defaults.health.then,
  };
}

/** `notify` is short for `{ notify: true }`, `fd:3` for `{ fd: 3 }`. */
function readyOfWord(word: string): ReadyInput {
  return word.startsWith("fd:") ? { fd: Number(word.slice("fd:".length)) } : { [word]: true };
}

function readyWay(written: ReadyInput, context: ServiceContext): ReadyWay {
  const { fd, log, delay } = written;
  if (fd !== undefined) {
    return { by: "fd", fd };
  }
  if (log !== undefined) {
    refuseBadPattern(log, context);
    return { by: "log", pattern: log };
  }
  if (delay !== undefined) return { by: "delay", delayMs: ms(delay) };
  if (written.notify) return { by: "notify" };
  if (written.listening) return { by: "listening" };
  return probeOf(written, context) ?? { by: "started" };
}

function probeOf(
  input: Pick<HealthInput, "http" | "tcp" | "exec">,
  { path, problems }: ServiceContext,
): ProbeTarget | undefined {
  const { http, tcp, exec } = input;
  if (http !== undefined) {
    if (!URL.canParse(http)) problems.push({ path: [...path, "http"], message: `${JSON.stringify(http)} is no URL` });
    return { by: "http", url: http };
  }
  if (tcp !== undefined) return { by: "tcp", address: tcp };
  return exec === undefined
    ? undefined
    : { by: "exec", command: commandWords(exec, { path: [...path, "exec"], problems }) };
}

function refuseBadPattern(pattern: string, { path, problems }: ServiceContext): void {
  try {
    new RegExp(pattern);
  } catch (error) {
    problems.push({ path: [...path, "log"], message: (error as Error).message });
  }
}

function oneTooMany(path: Path, keys: readonly string[]): Problem {
  const names = keys.map((key) => `\`${key}\``).join(" and ");
  return {
    path: [...path, keys[1] ?? ""],
    at: "key",
    message: `${names} exclude each other`,
    hint: "Keep one of them.",
  };
}
