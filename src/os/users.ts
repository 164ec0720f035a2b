/** Users and groups, asked of the C library so that every source counts (files, LDAP, systemd; see nsswitch.conf(5)). */
import { LaresError } from "../core/errors.ts";
import type { Identity } from "./identity.ts";
import { addressOf, errnoName, libc } from "./libc.ts";

const PASSWD = { name: 0, uid: 16, gid: 20, home: 32, bytes: 48 };
const GROUP = { gid: 16, bytes: 32 };
const TEXT_BYTES_MAX = 1024 * 1024;

/** A user, and the groups a process of theirs belongs to. */
export interface User extends Identity {
  readonly name: string;
  readonly home: string;
}

/**
 * Looks up a user.
 *
 * @param user A name, or a number that belongs to a user.
 * @param group The primary group instead of the user's own: a name or a number.
 * @throws LaresError `invalid_configuration` when there is no such user or group.
 */
export function lookupUser(user: string | number, group?: string | number): User {
  const found = lookup(PASSWD.bytes, (...into) =>
    isNumeric(user) ? libc.getpwuid_r(Number(user), ...into) : libc.getpwnam_r(String(user), ...into),
  );
  if (found === undefined) throw missing("user", user, "Run `useradd --system` to create it.");
  const name = found.text(PASSWD.name);
  const gid = group === undefined ? found.record.readUInt32LE(PASSWD.gid) : lookupGroup(group);
  const uid = found.record.readUInt32LE(PASSWD.uid);
  return { name, uid, gid, groups: groupsOf(name, gid), home: found.text(PASSWD.home) };
}

/** A number is taken as it is: a group need not have a name. */
export function lookupGroup(group: string | number): number {
  if (isNumeric(group)) return Number(group);
  const found = lookup(GROUP.bytes, (...into) => libc.getgrnam_r(String(group), ...into));
  if (found === undefined) throw missing("group", group, "Run `groupadd --system` to create it.");
  return found.record.readUInt32LE(GROUP.gid);
}

function isNumeric(value: string | number): boolean {
  return /^\d+$/.test(String(value));
}

function groupsOf(name: string, gid: number): number[] {
  const count = Buffer.alloc(4);
  for (let capacity = 64; ; capacity *= 4) {
    const groups = new Uint32Array(capacity);
    count.writeInt32LE(capacity);
    const bytes = new Uint8Array(groups.buffer);
    if (libc.getgrouplist(name, gid, bytes, count) !== -1) return [...groups.subarray(0, count.readInt32LE(0))];
  }
}

type LookupArguments = [record: Buffer, text: Buffer, textBytes: number, result: Buffer];

interface Entry {
  readonly record: Buffer;
  /** The string that the pointer at `offset` of the record points to. */
  text(offset: number): string;
}

/** Calls a `get…_r` function with room for its strings, more of it until it suffices. */
function lookup(recordBytes: number, call: (...into: LookupArguments) => number): Entry | undefined {
  for (let textBytes = 4096; textBytes <= TEXT_BYTES_MAX; textBytes *= 4) {
    const [record, text, result] = [Buffer.alloc(recordBytes), Buffer.alloc(textBytes), Buffer.alloc(8)];
    const errno = errnoName(call(record, text, textBytes, result));
    if (errno === "ERANGE") continue;
    if (result.readBigUInt64LE(0) === 0n) return undefined;
    return {
      record,
      text(offset) {
        const start = Number(record.readBigUInt64LE(offset) - addressOf(text));
        return text.toString("utf8", start, text.indexOf(0, start));
      },
    };
  }
  return undefined;
}

function missing(kind: "user" | "group", value: string | number, hint: string): LaresError {
  return new LaresError("invalid_configuration", `Cannot run as ${kind} "${value}": there is no such ${kind}`, {
    hint,
  });
}
