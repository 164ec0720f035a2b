/**
 * The C library, through koffi: typed declarations, errno, and the constants that Node does not know.
 *
 * Only this file and `poll.ts` know koffi. Everything here runs on the main thread: koffi calls must not be made from
 * workers, and credentials (see `identity.ts`) are switched for this thread alone.
 */
import { createRequire } from "node:module";
import { constants } from "node:os";
import { LaresError } from "../core/errors.ts";

/** How the C types of the declarations below are written in TypeScript. */
interface CTypes {
  int: number;
  uint: number;
  long: number | bigint;
  size_t: number;
  str: string;
  /** Memory that outlives the call only if the caller keeps it. */
  "void *": Uint8Array | null;
  /** An array of strings, closed by a null of its own. */
  "char **": readonly (string | null)[];
}

type CType = keyof CTypes;
type Prototype = readonly [result: "int" | "long", ...parameters: CType[]];

/**
 * Result first, then the parameters. `ssize_t` is unknown to koffi, so it is `long`. Variadic functions are declared
 * with a fixed number of parameters, which the x86-64 and arm64 Linux conventions pass in the same registers.
 */
const prototypes = {
  _exit: ["int", "int"],
  bind: ["int", "int", "void *", "uint"],
  close: ["int", "int"],
  connect: ["int", "int", "void *", "uint"],
  dup2: ["int", "int", "int"],
  epoll_create1: ["int", "int"],
  epoll_ctl: ["int", "int", "int", "int", "void *"],
  execve: ["int", "str", "char **", "char **"],
  fcntl: ["int", "int", "int", "long"],
  flock: ["int", "int", "int"],
  futimens: ["int", "int", "void *"],
  getgrnam_r: ["int", "str", "void *", "void *", "size_t", "void *"],
  getgrouplist: ["int", "str", "uint", "void *", "void *"],
  getpagesize: ["int"],
  getpwnam_r: ["int", "str", "void *", "void *", "size_t", "void *"],
  getpwuid_r: ["int", "uint", "void *", "void *", "size_t", "void *"],
  getsockname: ["int", "int", "void *", "void *"],
  getsockopt: ["int", "int", "int", "int", "void *", "void *"],
  getxattr: ["long", "str", "str", "void *", "size_t"],
  inet_ntop: ["long", "int", "void *", "void *", "uint"],
  inet_pton: ["int", "int", "str", "void *"],
  ioctl: ["int", "int", "long", "void *"],
  listen: ["int", "int", "int"],
  memfd_create: ["int", "str", "uint"],
  pipe2: ["int", "void *", "int"],
  poll: ["int", "void *", "long", "int"],
  posix_spawn: ["int", "void *", "str", "void *", "void *", "char **", "char **"],
  posix_spawn_file_actions_addchdir_np: ["int", "void *", "str"],
  posix_spawn_file_actions_addfchdir_np: ["int", "void *", "int"],
  posix_spawn_file_actions_addopen: ["int", "void *", "int", "str", "int", "uint"],
  posix_spawn_file_actions_adddup2: ["int", "void *", "int", "int"],
  posix_spawn_file_actions_destroy: ["int", "void *"],
  posix_spawn_file_actions_init: ["int", "void *"],
  posix_spawnattr_init: ["int", "void *"],
  posix_spawnattr_setflags: ["int", "void *", "int"],
  posix_spawnattr_setsigdefault: ["int", "void *", "void *"],
  posix_spawnattr_setsigmask: ["int", "void *", "void *"],
  prctl: ["int", "int", "long", "long", "long", "long"],
  prlimit: ["int", "int", "int", "void *", "void *"],
  read: ["long", "int", "void *", "size_t"],
  recvmsg: ["long", "int", "void *", "int"],
  sendmsg: ["long", "int", "void *", "int"],
  setsockopt: ["int", "int", "int", "int", "void *", "uint"],
  shutdown: ["int", "int", "int"],
  signal: ["long", "int", "long"],
  socket: ["int", "int", "int", "int"],
  socketpair: ["int", "int", "int", "int", "void *"],
  splice: ["long", "int", "void *", "int", "void *", "size_t", "uint"],
  syscall: ["long", "long", "long", "long", "long", "long"],
  tee: ["long", "int", "int", "size_t", "uint"],
  usleep: ["int", "uint"],
  waitpid: ["int", "int", "void *", "int"],
  write: ["long", "int", "void *", "size_t"],
} as const satisfies Record<string, Prototype>;

type Native<P> = P extends readonly [unknown, ...infer Parameters extends readonly CType[]]
  ? (...values: { [Index in keyof Parameters]: CTypes[Parameters[Index]] }) => number
  : never;
type Libc = { readonly [Name in keyof typeof prototypes]: Native<(typeof prototypes)[Name]> };
type Koffi = typeof import("koffi");

const require = createRequire(import.meta.url);
let loaded: Koffi | undefined;

/** Loads koffi at its first use (14 ms), so that programs which never touch the kernel do not pay for it. */
export function koffi(): Koffi {
  try {
    loaded ??= require("koffi") as Koffi;
  } catch (cause) {
    throw new LaresError("not_supported", `Cannot load koffi: it has no build for this machine (${process.arch})`, {
      hint: "Run Lares on Linux, x86-64 or arm64.",
      cause,
    });
  }
  return loaded;
}

/** Functions of the C library; each is looked up when it is first called. Results are unchecked: see `check`. */
export const libc: Libc = declareLazily();

/**
 * Calls a function in a thread of Node's pool (four, shared with files, DNS and compression: never for long).
 *
 * @param values its parameters; whoever calls keeps their memory alive until `done`
 * @param done gets the result, later and on the main thread. Which error -1 stands for is not known.
 */
export function callInThread<Name extends "splice" | "usleep">(
  name: Name,
  values: Parameters<Libc[Name]>,
  done: (result: number) => void,
): void {
  const native = libc[name] as unknown as { async(...parameters: unknown[]): void };
  native.async(...values, (error: unknown, result: number | bigint) => done(error ? -1 : Number(result)));
}

function declareLazily(): Libc {
  const functions = {};
  for (const [name, [result, ...parameters]] of Object.entries<Prototype>(prototypes)) {
    Object.defineProperty(functions, name, {
      configurable: true,
      get() {
        const value = koffi().load(null).func(name, result, parameters);
        Object.defineProperty(functions, name, { value });
        return value;
      },
    });
  }
  return functions as Libc;
}

/** The memory address of `buffer`, for structures that hold pointers. Whoever stores it keeps the buffer alive. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi().address(buffer);
}

const errnoNames = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) {
  if (!errnoNames.has(number)) errnoNames.set(number, name);
}

/** The symbolic name of an error number, for example `EAGAIN`. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** The name of the error that the last failed call left behind. Ask before calling anything else. */
export function lastErrno(): string {
  return errnoName(koffi().errno());
}

/** A system call that failed. Shaped like Node's own: `code` is the errno name, `syscall` what was called. */
export class SystemError extends Error {
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, code: string) {
    super(`${syscall} failed: ${code}`);
    this.name = "SystemError";
    this.code = code;
    this.syscall = syscall;
  }
}

/**
 * Passes a result on, or throws when it is the C library's -1.
 *
 * @throws SystemError naming errno and `syscall`.
 */
export function check(syscall: string, result: number): number {
  if (result === -1) throw new SystemError(syscall, lastErrno());
  return result;
}

/** The errno name in an error or its causes, whether it is ours or Node's; undefined when there is none. */
export function errnoOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ("syscall" in current && "code" in current) return String(current.code);
  }
  return undefined;
}

/** System calls that have no function in every C library; the numbers differ between architectures below 424. */
export const syscallNumbers = {
  ...(process.arch === "arm64"
    ? { setresgid: 149, setresuid: 147, setgroups: 159 }
    : { setresgid: 119, setresuid: 117, setgroups: 116 }),
  pidfd_send_signal: 424,
  pidfd_open: 434,
  close_range: 436,
  pidfd_getfd: 438,
} as const;

/**
 * Makes a raw system call.
 *
 * @throws SystemError naming errno and `name`.
 */
export function rawSyscall(name: keyof typeof syscallNumbers, ...values: readonly (number | bigint)[]): number {
  const [a = 0, b = 0, c = 0, d = 0] = values;
  return check(name, libc.syscall(syscallNumbers[name], a, b, c, d));
}

/** `O_CLOEXEC`, also for `pipe2`; the same on every architecture Lares runs on. */
export const O_CLOEXEC = 0o2000000;
