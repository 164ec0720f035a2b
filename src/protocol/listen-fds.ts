/**
 * Socket activation: listeners passed from a supervisor to a program as inherited descriptors (sd_listen_fds(3)).
 *
 * The descriptors are 3, 4, 5 … in the order of their names. `LISTEN_PID` is not written here: it must be the pid of the
 * program that is finally exec'd, which only the wrapper that execs it knows.
 */
import { LaresError } from "../core/errors.ts";

/** The first inherited descriptor: the one after stdin, stdout and stderr. */
export const firstListenFd = 3;

/** The variables a consumer removes from its environment, so that its own children do not believe them. */
export const listenVariables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"] as const;

export interface InheritedDescriptor {
  readonly fd: number;
  /** `unknown` where the provider gave no name. */
  readonly name: string;
}

/** More than any descriptor table holds by default; a larger count is nonsense, and would only cost memory. */
const countMax = 65_536;

/** Whether text can be the name of a passed descriptor: 1 to 255 printable ASCII characters, none of them a colon. */
export function isFdName(text: string): boolean {
  return /^[ -9;-~]{1,255}$/.test(text);
}

/**
 * The variables that tell a program which listeners it inherits.
 *
 * @param names one for each descriptor, in the order of the descriptors from 3 on
 * @returns `LISTEN_FDS` and `LISTEN_FDNAMES`; nothing at all for no names
 * @throws LaresError `usage` for a name that the receiver could not read back
 * @example
 * listenEnvironment(["http", "admin"]); // { LISTEN_FDS: "2", LISTEN_FDNAMES: "http:admin" }
 */
export function listenEnvironment(names: readonly string[]): Record<string, string> {
  const wrong = names.find((name) => !isFdName(name));
  if (wrong !== undefined) {
    throw new LaresError(
      "usage",
      `Cannot pass listener ${JSON.stringify(wrong)}: its name has other than printable ASCII`,
      {
        hint: "Name the listener with up to 255 letters, digits and dashes.",
      },
    );
  }
  return names.length === 0 ? {} : { LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(":") };
}

/**
 * Which descriptors this process inherits.
 *
 * @param env the environment, as in `process.env`
 * @param pid this process: variables meant for another (a parent that did not clean up) count as absent
 * @returns nothing where the variables are absent, malformed or meant for another. Names whose number does not agree with
 *   that of the descriptors cannot be told apart, so all are `unknown`.
 */
export function parseListenEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): InheritedDescriptor[] {
  const count = decimal(env.LISTEN_FDS);
  if (count === undefined || count > countMax || decimal(env.LISTEN_PID) !== pid) return [];
  const names = env.LISTEN_FDNAMES?.split(":") ?? [];
  const named = names.length === count && names.every(isFdName);
  return Array.from({ length: count }, (_, index) => ({
    fd: firstListenFd + index,
    name: (named ? names[index] : undefined) ?? "unknown",
  }));
}

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
