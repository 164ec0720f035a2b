/**
 * The shell that stands in for a program until what only the process itself can set has been set.
 *
 * One `/bin/sh` does all of it and becomes the program by `exec`: 0.6 ms more than starting it directly. It is written
 * for dash, bash and busybox ash.
 *
 * Limits: `argv[0]` of the program is its file, as there is no portable `exec -a`; bash adds the variables `_` and `SHLVL`.
 */
import { release } from "node:os";
import type { Identity } from "./identity.ts";

/** What needs the stub. */
export interface StubNeeds {
  readonly umask?: number;
  /** Added to the niceness of this process; never negative, which only root may ask for and gets without a stub. */
  readonly niceIncrement?: number;
  readonly limits?: { readonly files?: number; readonly coreBytes?: number };
  readonly cgroupProcs?: string;
  readonly listenPid?: boolean;
  /** Present when the stub runs as this user already, or has to become it. */
  readonly identity?: Identity;
}

/** How to start the shell. */
export interface Stub {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the shell expects `cgroup.procs`, opened for writing by root. */
  readonly cgroupFd: number | undefined;
  /** The shell must be started with our credentials: it changes to the user itself. */
  readonly keepsCredentials: boolean;
}

const ENV_PROGRAM = "/usr/bin/env";
/** Variables that shells keep for themselves: they would arrive changed. */
const SHELL_OWNED = new Set(
  "IFS OPTIND OPTARG PPID LINENO PS1 PS2 PS4 PWD OLDPWD SHLVL _ UID EUID GROUPS ENV SHELLOPTS BASHOPTS RANDOM".split(
    " ",
  ),
);

/** Whether anything asked for needs the stub. */
export function needsStub(needs: StubNeeds): boolean {
  const { umask, niceIncrement = 0, limits, cgroupProcs, listenPid = false } = needs;
  const limited = limits?.files !== undefined || limits?.coreBytes !== undefined;
  return umask !== undefined || niceIncrement > 0 || limited || cgroupProcs !== undefined || listenPid;
}

/**
 * Composes the stub.
 *
 * @param command The program (found already) and its arguments, without `argv[0]`.
 * @param options.fdCount How many descriptors the program gets; the cgroup's comes after them.
 */
export function composeStub(
  command: readonly string[],
  options: { readonly needs: StubNeeds; readonly env: Readonly<Record<string, string>>; readonly fdCount: number },
): Stub {
  const { needs, env, fdCount } = options;
  const cgroup = cgroupStep(needs, fdCount);
  const kept = Object.entries(env).filter(([name]) => survivesShell(name));
  const odd = Object.entries(env).filter(([name]) => !survivesShell(name));
  const script = [
    'fail() { echo "lares: cannot $1" >&2; exit 126; }',
    ...cgroup.lines,
    ...limitSteps(needs),
    "unset PWD OLDPWD SHLVL",
    needs.listenPid ? "export LISTEN_PID=$$" : "",
    cgroup.fd === undefined ? 'exec "$@"' : `exec "$@" ${cgroup.fd}>&-`,
  ].filter((line) => line !== "");
  return {
    argv: [
      "sh",
      "-c",
      script.join("\n"),
      "lares",
      ...(cgroup.becomesUser && needs.identity ? setpriv(needs.identity) : []),
      ...((needs.niceIncrement ?? 0) > 0 ? ["nice", "-n", String(needs.niceIncrement)] : []),
      ...(odd.length > 0 ? [ENV_PROGRAM, ...odd.map(([name, value]) => `${name}=${value}`)] : []),
      ...command,
    ],
    env: Object.fromEntries(kept),
    cgroupFd: cgroup.fd,
    keepsCredentials: cgroup.becomesUser,
  };
}

/** dash and busybox drop variables whose names are no identifiers; such ones travel through `env` instead. */
function survivesShell(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !SHELL_OWNED.has(name);
}

/**
 * A user may not move itself into a cgroup of root's. Since Linux 5.16 the kernel checks who *opened* `cgroup.procs`,
 * so the stub inherits it opened by root. Shells know descriptors 0 to 9 only; where these are all the program's, or
 * the kernel is older, the stub stays root and changes to the user by setpriv(1), 1.2 ms slower.
 *
 * The supervisor does not write to `cgroup.procs` itself because that takes 5 to 17 ms (an RCU grace period).
 */
function cgroupStep(
  needs: StubNeeds,
  fdCount: number,
): { lines: readonly string[]; fd: number | undefined; becomesUser: boolean } {
  const path = needs.cgroupProcs;
  if (path === undefined) return { lines: [], fd: undefined, becomesUser: false };
  const enter = (target: string) => [`echo 0 >${target} || fail ${quote(`enter cgroup ${path}`)}`];
  const inherits = needs.identity !== undefined && fdCount <= 9 && openerIsChecked();
  if (inherits) return { lines: enter(`&${fdCount}`), fd: fdCount, becomesUser: false };
  return { lines: enter(quote(path)), fd: undefined, becomesUser: needs.identity !== undefined };
}

function openerIsChecked(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 16);
}

function limitSteps(needs: StubNeeds): string[] {
  const { umask, limits } = needs;
  const steps: string[] = [];
  if (umask !== undefined) steps.push(`umask ${umask.toString(8).padStart(4, "0")} || fail "set the umask"`);
  if (limits?.files !== undefined) {
    steps.push(`ulimit -n ${limits.files} || fail "limit open files to ${limits.files}"`);
  }
  if (limits?.coreBytes !== undefined) {
    // Shells count core files in blocks of 512 bytes when they are called sh.
    steps.push(
      `ulimit -c ${Math.ceil(limits.coreBytes / 512)} || fail "limit core files to ${limits.coreBytes} bytes"`,
    );
  }
  return steps;
}

function setpriv(identity: Identity): string[] {
  const groups = identity.groups.length > 0 ? `--groups=${identity.groups.join(",")}` : "--clear-groups";
  return ["setpriv", `--reuid=${identity.uid}`, `--regid=${identity.gid}`, groups, "--"];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
