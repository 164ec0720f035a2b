import { resolve } from "node:path";
import type { HooksSpec, ScheduleSpec, ServiceSpec } from "../core/spec.ts";
import { defaults } from "./defaults.ts";
import { commandWords, isNodeProgram, normaliseCommand } from "./normalise-command.ts";
import { normaliseListen } from "./normalise-listen.ts";
import {
  normaliseLimits,
  normaliseLog,
  normaliseReload,
  normaliseRestart,
  normaliseStop,
} from "./normalise-policies.ts";
import { normaliseHealth, normaliseReady } from "./normalise-ready.ts";
import { normaliseSinks } from "./normalise-sinks.ts";
import { octal } from "./normalise-values.ts";
import type { ServiceInput } from "./schema.ts";
import type { ServiceContext } from "./service-context.ts";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A service as users write it, with every default filled in. Reads nothing and never throws; problems go to the context. */
export function normaliseService(name: string, input: ServiceInput, context: ServiceContext): ServiceSpec {
  refuseName(name, context);
  const { kind = "service", user, group, nice, umask } = input;
  const command = normaliseCommand(input, context);
  const listen = normaliseListen(input.listen, context);
  const instances = input.instances === "max" ? context.cores : (input.instances ?? defaults.instances);
  const isTcp = listen.some((listener) => listener.address.family === "tcp");
  const register = (input.register ?? true) && isNodeProgram(command);
  warnOfNoEffect(input, { ...context, isNode: isNodeProgram(command), isTcp });
  const schedule = normaliseSchedule(input, { ...context, kind });
  return {
    name,
    kind,
    ...(schedule !== undefined && { schedule }),
    command,
    directory: resolve(context.directory, input.directory ?? "."),
    ...readiness(input, { ...context, register, listeners: listen.length }),
    ...(user !== undefined && { user: String(user) }),
    ...(group !== undefined && { group: String(group) }),
    ...(umask !== undefined && { umask: octal(umask, { ...context, path: [...context.path, "umask"] }) }),
    ...(nice !== undefined && { nice }),
    instances,
    listen,
    balance: input.balance ?? (instances > 1 && isTcp ? "even" : "shared"),
    ...normaliseHealth(input.health, context),
    restart: normaliseRestart(input.restart, { ...context, kind }),
    stop: normaliseStop(input.stop, context),
    reload: normaliseReload(input.reload),
    limits: normaliseLimits(input.limits, context),
    log: { ...normaliseLog(input.log), ...normaliseSinks(input.log?.to, context) },
    after: [...new Set([...(input.after ?? []), ...(input.requires ?? [])])],
    requires: [...new Set(input.requires)],
    on: normaliseHooks(input.on, context),
    register,
  };
}

function refuseName(name: string, { path, problems }: ServiceContext): void {
  if (name === "all") {
    const message = "a service cannot be named `all`: commands take it for every service";
    problems.push({ path, at: "key", message });
  } else if (!namePattern.test(name)) {
    const message = `a service cannot be named ${JSON.stringify(name)}`;
    const hint = "Use up to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit.";
    problems.push({ path, at: "key", message, hint });
  }
}

/** Keys that are well formed and do nothing here. */
function warnOfNoEffect(
  { register, balance, listen, ready }: ServiceInput,
  { path, problems, isNode, isTcp }: ServiceContext & { readonly isNode: boolean; readonly isTcp: boolean },
): void {
  const warn = (key: string, message: string): void => {
    problems.push({ path: [...path, key], at: "key", severity: "warning", message });
  };
  if (register && !isNode) warn("register", "`register` has no effect: the command is no Node program");
  if (balance === "even" && !isTcp) {
    const reason = listen === undefined ? "nothing is listened on" : "unix sockets are shared";
    warn("balance", `\`balance: even\` has no effect: ${reason}`);
  }
  const asksWhetherItListens = ready === "listening" || (typeof ready === "object" && ready.listening === true);
  if (asksWhetherItListens && Object.keys(listen ?? {}).length > 0 && !(isNode && register !== false)) {
    warn("ready", "`listening` has no effect: the sockets under `listen` listen before the program runs");
  }
}

/** Environment and readiness: a Node program with listeners is told by the preload's variable where to say that it is ready. */
function readiness(
  input: ServiceInput,
  context: ServiceContext & { readonly register: boolean; readonly listeners: number },
): Pick<ServiceSpec, "env" | "ready"> {
  const env = normaliseEnv(input.env, context);
  const byPreload = context.register && context.listeners > 0;
  const fd = 3 + context.listeners;
  const ready = normaliseReady(input.ready, {
    ...context,
    fdMin: fd,
    byDefault: byPreload ? { by: "fd", fd } : { by: "started" },
  });
  // Seen from outside, a program that was passed a listening socket listens before its first line ran: the preload knows.
  const isMeant = !choosesWay(input.ready) || ready.by === "listening";
  if (!byPreload || !isMeant) return { env, ready };
  return { env: { ...env, LARES_READY_FD: String(fd) }, ready: { by: "fd", fd, timeoutMs: ready.timeoutMs } };
}

/** A `ready` with nothing but a `timeout` leaves the way to the default. */
function choosesWay(ready: ServiceInput["ready"]): boolean {
  return typeof ready === "string" || Object.keys(ready ?? {}).some((key) => key !== "timeout");
}

/** What the supervisor itself puts into the environment of an instance. */
const reserved = /^(?:LARES_|LISTEN_(?:FDS|PID|FDNAMES)$|NOTIFY_SOCKET$|WATCHDOG_(?:USEC|PID)$)/;

function normaliseEnv(input: ServiceInput["env"] = {}, context: ServiceContext): Readonly<Record<string, string>> {
  const { document, fileEnv, problems } = context;
  const entries = Object.entries(input).map(([name, value]) => {
    const path = [...context.path, "env", name];
    if (/[=\0]|^$/.test(name)) {
      problems.push({ path, at: "key", message: `no variable can be named ${JSON.stringify(name)}` });
    }
    if (reserved.test(name)) {
      const message = `Lares sets \`${name}\` itself, and this value may be replaced`;
      problems.push({ path, at: "key", severity: "warning", message });
    }
    // `1.10` is a version and `010` a mode to whoever wrote it, whatever number YAML makes of it.
    const written = typeof value === "string" ? value : (document.locate(path)?.written ?? String(value));
    return [name, written] as const;
  });
  return { ...fileEnv, ...Object.fromEntries(entries) };
}

function normaliseSchedule(
  { schedule }: ServiceInput,
  { kind, path, problems }: ServiceContext & { readonly kind: "service" | "task" },
): ScheduleSpec | undefined {
  if (schedule === undefined) return undefined;
  if (kind === "service") {
    problems.push({
      path: [...path, "schedule"],
      at: "key",
      message: "only a task has a schedule",
      hint: "Add `kind: task`.",
    });
  }
  if (typeof schedule === "string") return { cron: schedule, overlap: false };
  const { cron, timezone, overlap = false } = schedule;
  return { cron, ...(timezone !== undefined && { timezone }), overlap };
}

function normaliseHooks(input: ServiceInput["on"] = {}, { path, problems }: ServiceContext): HooksSpec {
  const hooks = Object.entries(input).flatMap(([moment, command]) =>
    command === undefined ? [] : [[moment, commandWords(command, { path: [...path, "on", moment], problems })]],
  );
  return Object.fromEntries(hooks);
}
