import type { RunId } from "../core/effects.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { listenEnvironment } from "../protocol/listen-fds.ts";

/** What the environment of an instance is made from. */
export interface EnvironmentSources {
  readonly spec: ServiceSpec;
  readonly run: RunId;
  /** The supervisor's own; nothing of it is passed on but the names below. */
  readonly own: Readonly<Record<string, string | undefined>>;
  readonly user: { readonly name: string; readonly home: string } | undefined;
  readonly tag: string;
  readonly notifySocket: string;
}

const passedOn = ["PATH", "HOME", "USER", "LANG", "TZ"] as const;
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The whole environment of an instance. What is configured wins over what is passed on, and nothing over what Lares says. */
export function environmentOf({ spec, run, own, user, tag, notifySocket }: EnvironmentSources): Record<string, string> {
  const env: Record<string, string> = { PATH: defaultPath };
  for (const name of passedOn) {
    const value = own[name];
    if (value !== undefined) env[name] = value;
  }
  if (user) Object.assign(env, { HOME: user.home, USER: user.name, LOGNAME: user.name });
  return {
    ...env,
    ...spec.env,
    ...listenEnvironment(spec.listen.map(({ name }) => name)),
    ...(spec.watchdogMs !== undefined && { WATCHDOG_USEC: String(spec.watchdogMs * 1000) }),
    LARES_SERVICE: spec.name,
    LARES_SLOT: String(run.slot),
    LARES_INSTANCE: tag,
    NOTIFY_SOCKET: notifySocket,
  };
}

/** The command line; a Node program gets the preload that knows of inherited sockets. */
export function argumentsOf(spec: ServiceSpec, registerPath: string | undefined): readonly string[] {
  const [program = "", ...rest] = spec.command;
  const isNode = /(^|\/)node$/.test(program);
  return spec.register && isNode && registerPath ? [program, "--import", registerPath, ...rest] : spec.command;
}

/** Which descriptor of the program tells readiness; undefined where something else does. */
export function readinessFd({ ready }: ServiceSpec): number | undefined {
  return ready.by === "fd" ? ready.fd : undefined;
}
