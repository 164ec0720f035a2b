/** Starting processes: `posix_spawn`, which costs the same however large the supervisor is. */
import { closeSync, constants as fsConstants, openSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { LaresError } from "../core/errors.ts";
import { closeFd, duplicate } from "./descriptors.ts";
import { type Identity, userId, withIdentity } from "./identity.ts";
import { errnoName, libc } from "./libc.ts";
import { allowFiles } from "./process-control.ts";
import { assertRunnable, explainFailure, findProgram } from "./program.ts";
import { composeStub, needsStub, type Stub, type StubNeeds } from "./spawn-stub.ts";

/** Everything a new process is given; it inherits nothing else. */
export interface SpawnRequest {
  /** Looked up in `env.PATH` when it has no slash; otherwise relative to `directory`. */
  readonly file: string;
  /** `argv[0]` included. It is replaced by `file` when a shell stub is needed (see `spawn-stub.ts`). */
  readonly argv: readonly string[];
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Descriptor i of the process is our `fds[i]`. */
  readonly fds: readonly number[];
  readonly identity?: Identity;
  readonly umask?: number;
  /** -20 to 19. */
  readonly nice?: number;
  readonly limits?: { readonly files?: number; readonly coreBytes?: number };
  /** The `cgroup.procs` file of the group to start in. */
  readonly cgroupProcs?: string;
  /** Set `LISTEN_PID` to the pid of the process. */
  readonly listenPid?: boolean;
  /** A file that the process itself makes before it becomes the program: it tells that there was one. */
  readonly mark?: StartMark;
}

export interface StartMark {
  /** A directory in which the user of the process may make files. */
  readonly directoryFd: number;
  readonly name: string;
}

/**
 * Starts a process in a session and process group of its own, with default signal handling and nothing blocked.
 *
 * It has run no instruction of its own before everything asked for is in force. What only the process can set for itself
 * is set by a shell stub; a step of it that fails ends the process with 126 (127: program not found) and a line on stderr.
 *
 * @returns its pid.
 * @throws LaresError `spawn_failed` saying what is wrong with the program, its directory or this machine;
 *   `not_permitted` when another user or a negative niceness is asked for without being root.
 */
export function spawn(request: SpawnRequest): number {
  assertPlain(request);
  const increment = (request.nice ?? getPriority()) - getPriority();
  const isRoot = userId() === 0;
  if (increment < 0 && !isRoot) {
    const state = `niceness ${request.nice} is below our own, and only root may ask for that`;
    throw new LaresError("not_permitted", `Cannot start "${request.file}": ${state}`, {
      hint: "Run the supervisor as root, or choose a niceness of 0 or more.",
    });
  }
  if (request.limits?.files !== undefined) allowFiles(request.limits.files);
  // Without root the only identity that is accepted is our own: nothing has to be changed for it.
  const needs: StubNeeds = isRoot ? request : { ...withoutIdentity(request), niceIncrement: increment };
  const start = () => (needsStub(needs) ? spawnThroughStub(request, needs) : spawnDirectly(request));
  return isRoot ? withNiceness(increment, start) : start();
}

function withoutIdentity({ identity: _, ...rest }: SpawnRequest): StubNeeds {
  return rest;
}

/** Niceness belongs to threads: the main one lends its own to the child. */
function withNiceness<Result>(increment: number, act: () => Result): Result {
  if (increment === 0) return act();
  const own = getPriority();
  setPriority(own + increment);
  try {
    return act();
  } finally {
    setPriority(own);
  }
}

function spawnDirectly(request: SpawnRequest): number {
  return withIdentity(request.identity, () => {
    const program = findProgram(request);
    const errno = posixSpawnMarked({ ...request, program });
    if (typeof errno === "string") throw explainFailure(request, program, errno);
    return errno.pid;
  });
}

function spawnThroughStub(request: SpawnRequest, needs: StubNeeds): number {
  const { identity, fds, env } = request;
  const found = withIdentity(identity, () => {
    const program = findProgram(request);
    assertRunnable(request, program);
    return program;
  });
  // By its bare name where the shell looks it up as we did, so that argv[0] is what was asked for.
  const name = env.PATH !== undefined && request.argv[0] === request.file ? request.file : found;
  const stub = composeStub([name, ...request.argv.slice(1)], { needs, env, fdCount: fds.length });
  const cgroupFd = openCgroup(request, stub);
  try {
    return withIdentity(stub.keepsCredentials ? undefined : identity, () => {
      const started = posixSpawnMarked({
        ...(request.mark && { mark: request.mark }),
        directory: request.directory,
        program: "/bin/sh",
        argv: stub.argv,
        env: stub.env,
        fds: cgroupFd === undefined ? fds : [...fds, cgroupFd],
      });
      if (typeof started === "string") throw explainFailure(request, "/bin/sh", started);
      return started.pid;
    });
  } finally {
    if (cgroupFd !== undefined) closeSync(cgroupFd);
  }
}

function openCgroup(request: SpawnRequest, stub: Stub): number | undefined {
  if (stub.cgroupFd === undefined || request.cgroupProcs === undefined) return undefined;
  try {
    return openSync(request.cgroupProcs, fsConstants.O_WRONLY);
  } catch (cause) {
    const state = `its cgroup "${request.cgroupProcs}" cannot be opened`;
    throw new LaresError("spawn_failed", `Cannot start "${request.file}": ${state}`, { cause });
  }
}

interface RawSpawn {
  readonly program: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly fds: readonly number[];
  readonly mark?: StartMark;
}

/** Where no mark can be made, the program is started without. */
const noRoomForMark: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "EACCES"]);

function posixSpawnMarked(raw: RawSpawn): { pid: number } | string {
  const started = posixSpawn(raw);
  if (raw.mark === undefined || typeof started !== "string" || !noRoomForMark.has(started)) return started;
  const { mark: _, ...unmarked } = raw;
  return posixSpawn(unmarked);
}

/** Larger than either structure is in any C library for 64-bit Linux (glibc: 80 and 336 bytes). */
const STRUCTURE_BYTES = 512;

/** The pid, or the name of the errno. */
function posixSpawn(raw: RawSpawn): { pid: number } | string {
  const actions = Buffer.alloc(STRUCTURE_BYTES);
  const pid = Buffer.alloc(4);
  const moved: number[] = [];
  libc.posix_spawn_file_actions_init(actions);
  try {
    if (raw.mark && raw.fds[0] !== 0) addMark(actions, raw.mark);
    libc.posix_spawn_file_actions_addchdir_np(actions, raw.directory);
    // A descriptor copied onto itself loses its close-on-exec flag, as POSIX asks of these actions.
    for (const [target, source] of clearTargets(raw.fds, moved).entries()) {
      const refused = libc.posix_spawn_file_actions_adddup2(actions, source, target);
      if (refused !== 0) return errnoName(refused);
    }
    const env = Object.entries(raw.env).map(([name, value]) => `${name}=${value}`);
    const argv = [...raw.argv, null];
    const errno = libc.posix_spawn(pid, raw.program, actions, spawnAttributes(), argv, [...env, null]);
    return errno === 0 ? { pid: pid.readInt32LE(0) } : errnoName(errno);
  } finally {
    libc.posix_spawn_file_actions_destroy(actions);
    for (const fd of moved) closeFd(fd);
  }
}

const MARK_MODE = 0o600;

/** As descriptor 0, which is replaced by what the program is given there. */
function addMark(actions: Buffer, { directoryFd, name }: StartMark): void {
  const flags = fsConstants.O_WRONLY | fsConstants.O_CREAT;
  libc.posix_spawn_file_actions_addfchdir_np(actions, directoryFd);
  libc.posix_spawn_file_actions_addopen(actions, 0, name, flags, MARK_MODE);
}

/** Copies sources out of the range of targets, where one would be overwritten before its turn, and notes the copies. */
function clearTargets(fds: readonly number[], moved: number[]): number[] {
  return fds.map((source, target) => {
    if (source === target || source < 0 || source >= fds.length) return source;
    const copy = duplicate(source, fds.length);
    moved.push(copy);
    return copy;
  });
}

const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const SIGSET_BYTES = 128;
let attributes: Buffer | undefined;

function spawnAttributes(): Buffer {
  if (attributes !== undefined) return attributes;
  const created = Buffer.alloc(STRUCTURE_BYTES);
  libc.posix_spawnattr_init(created);
  // Every bit: sigfillset leaves out 32 and 33, which the C library would then hand down ignored.
  libc.posix_spawnattr_setsigdefault(created, Buffer.alloc(SIGSET_BYTES, 0xff));
  libc.posix_spawnattr_setsigmask(created, Buffer.alloc(SIGSET_BYTES));
  libc.posix_spawnattr_setflags(created, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  attributes = created;
  return created;
}

/** C strings end at the first NUL: a hidden rest must not be dropped silently. */
function assertPlain(request: SpawnRequest): void {
  const strings = [request.file, request.directory, ...request.argv, ...Object.entries(request.env).flat()];
  if (strings.every((text) => !text.includes("\0"))) return;
  throw new LaresError(
    "spawn_failed",
    `Cannot start ${JSON.stringify(request.file)}: an argument or variable holds a NUL`,
  );
}
