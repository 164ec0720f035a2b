/**
 * Becoming another user for the length of one call.
 *
 * Credentials belong to threads. The C library's setuid changes all of them; the raw system calls change only the
 * calling one, so the rest of Node stays root. The saved user id stays 0, which is the way back. A program exec'd
 * meanwhile gets real, effective and saved ids of the user and, by the rules of capabilities(7), no capabilities.
 *
 * Limit: for that moment (under a millisecond) the user may send signals to this process, because its real id is theirs.
 */
import { LaresError } from "../core/errors.ts";
import { addressOf, check, libc, rawSyscall } from "./libc.ts";

const PR_SET_DUMPABLE = 4;

/** Numeric user, group and supplementary groups of a process. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/**
 * Runs `act` with the main thread's credentials changed to `identity`, and restores them whatever happens.
 *
 * Asking for the identity that the process has already is no change, and permitted to everybody.
 *
 * @param act Must be synchronous.
 * @throws LaresError `not_permitted` when this process may not become that user.
 */
export function withIdentity<Result>(identity: Identity | undefined, act: () => Result): Result {
  if (identity === undefined || isCurrent(identity)) return act();
  const own = { uid: userId(), gid: process.getegid?.() ?? 0, groups: process.getgroups?.() ?? [] };
  if (own.uid !== 0) throw notPermitted(identity);
  // What fails here has changed nothing yet; and what permits this permits the way back.
  attempt(identity, () => setGroups(identity.groups));
  try {
    attempt(identity, () => {
      rawSyscall("setresgid", identity.gid, identity.gid, 0);
      rawSyscall("setresuid", identity.uid, identity.uid, 0);
    });
    return act();
  } finally {
    restore(own);
  }
}

function attempt(identity: Identity, change: () => void): void {
  try {
    change();
  } catch (cause) {
    throw notPermitted(identity, cause);
  }
}

/** Effective user id of this process. */
export function userId(): number {
  return process.geteuid?.() ?? 0;
}

/** The supplementary groups are left alone: they are checked only when they could be changed. */
function isCurrent(identity: Identity): boolean {
  const unprivileged = userId() !== 0;
  return unprivileged && identity.uid === userId() && identity.gid === process.getegid?.();
}

/** Order matters: only root may set groups. A change of user id clears "dumpable", which pidfd_getfd and /proc need. */
function restore(own: Identity): void {
  rawSyscall("setresuid", own.uid, own.uid, own.uid);
  rawSyscall("setresgid", own.gid, own.gid, own.gid);
  setGroups(own.groups);
  check("prctl", libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

function setGroups(groups: readonly number[]): void {
  const list = Uint32Array.from(groups);
  const bytes = new Uint8Array(Math.max(list.byteLength, 4));
  bytes.set(new Uint8Array(list.buffer));
  rawSyscall("setgroups", list.length, addressOf(bytes));
}

function notPermitted(identity: Identity, cause?: unknown): LaresError {
  return new LaresError(
    "not_permitted",
    `Cannot run as user ${identity.uid}, group ${identity.gid}: this process runs as user ${userId()} and may not change that`,
    { hint: "Run the supervisor as root, or remove `user` and `group` from the service.", cause },
  );
}
