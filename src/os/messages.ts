/**
 * Messages with ancillary data (descriptors, credentials) over Unix sockets: sendmsg(2), recvmsg(2), cmsg(3).
 *
 * The layouts are those of 64-bit little-endian Linux, the same for glibc and musl.
 */

import { asIoError } from "./descriptors.ts";
import { addressOf, lastErrno, libc, SystemError } from "./libc.ts";

/** The most descriptors the kernel passes in one message (`SCM_MAX_FD`). */
export const DESCRIPTORS_MAX = 253;

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const MSG_PEEK = 0x2;
const MSG_CTRUNC = 0x8;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSGHDR_BYTES = 56;
const CMSG_HEADER_BYTES = 16;
const OFFSET_CONTROL_LENGTH = 40;
const OFFSET_FLAGS = 48;

/** Who sent a message, checked by the kernel; root may name anybody. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Message {
  /** A copy: the caller may keep it. */
  readonly data: Buffer;
  /** Data or descriptors were cut off. */
  readonly truncated: boolean;
  /** Present on sockets with `SO_PASSCRED`. */
  readonly credentials?: Credentials;
  /** Closed on exec, and the receiver's to close. */
  readonly fds: number[];
}

/** Receives messages without blocking, into memory that is laid out once. */
export class MessageReceiver {
  readonly #data: Buffer;
  readonly #control = Buffer.alloc(align(CMSG_HEADER_BYTES + 4 * DESCRIPTORS_MAX) + align(CMSG_HEADER_BYTES + 12));
  readonly #vector = Buffer.alloc(16);
  readonly #header: Buffer;

  /** @param dataBytesMax Longer messages arrive truncated. */
  constructor(dataBytesMax: number) {
    this.#data = Buffer.alloc(dataBytesMax);
    this.#header = messageHeader({ data: this.#data, vector: this.#vector, control: this.#control });
  }

  /**
   * The next message, or undefined when there is none.
   *
   * @param options `peek` leaves it in the queue; its descriptors are copies all the same.
   */
  receive(fd: number, options: { readonly peek?: boolean } = {}): Message | undefined {
    this.#header.writeBigUInt64LE(BigInt(this.#control.length), OFFSET_CONTROL_LENGTH);
    const length = libc.recvmsg(fd, this.#header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | (options.peek ? MSG_PEEK : 0));
    if (length === -1) {
      const code = lastErrno();
      if (code === "EAGAIN") return undefined;
      return asIoError(`receive from socket ${fd}`, () => {
        throw new SystemError("recvmsg", code);
      });
    }
    const controlLength = Number(this.#header.readBigUInt64LE(OFFSET_CONTROL_LENGTH));
    return {
      data: Buffer.from(this.#data.subarray(0, length)),
      truncated: (this.#header.readInt32LE(OFFSET_FLAGS) & (MSG_TRUNC | MSG_CTRUNC)) !== 0,
      ...parseControl(this.#control.subarray(0, controlLength)),
    };
  }
}

/**
 * Sends data and descriptors in one message, without blocking.
 *
 * @returns false when the queue is full, or as many descriptors are in flight as may be.
 */
export function sendMessage(fd: number, message: { readonly data: Buffer; readonly fds: readonly number[] }): boolean {
  const control = message.fds.length === 0 ? Buffer.alloc(0) : rights(message.fds);
  const vector = Buffer.alloc(16);
  const header = messageHeader({ data: message.data, vector, control });
  if (libc.sendmsg(fd, header, MSG_DONTWAIT | MSG_NOSIGNAL) !== -1) return true;
  const code = lastErrno();
  // ETOOMANYREFS: without root, descriptors in flight count against the user's limit of open files.
  if (code === "EAGAIN" || code === "ENOBUFS" || code === "ETOOMANYREFS") return false;
  return asIoError(`send through socket ${fd}`, () => {
    throw new SystemError("sendmsg", code);
  });
}

function messageHeader(parts: { data: Buffer; vector: Buffer; control: Buffer }): Buffer {
  const { data, vector, control } = parts;
  vector.writeBigUInt64LE(data.length === 0 ? 0n : addressOf(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const header = Buffer.alloc(MSGHDR_BYTES);
  header.writeBigUInt64LE(addressOf(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(control.length === 0 ? 0n : addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), OFFSET_CONTROL_LENGTH);
  return header;
}

function rights(fds: readonly number[]): Buffer {
  const length = CMSG_HEADER_BYTES + 4 * fds.length;
  const control = Buffer.alloc(align(length));
  control.writeBigUInt64LE(BigInt(length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  for (const [index, fd] of fds.entries()) control.writeInt32LE(fd, CMSG_HEADER_BYTES + 4 * index);
  return control;
}

function parseControl(control: Buffer): { fds: number[]; credentials?: Credentials } {
  const fds: number[] = [];
  let credentials: Credentials | undefined;
  let at = 0;
  while (at + CMSG_HEADER_BYTES <= control.length) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CMSG_HEADER_BYTES) break;
    const type = control.readInt32LE(at + 12);
    const body = control.subarray(at + CMSG_HEADER_BYTES, at + length);
    if (type === SCM_RIGHTS) {
      for (let offset = 0; offset + 4 <= body.length; offset += 4) fds.push(body.readInt32LE(offset));
    } else if (type === SCM_CREDENTIALS && body.length >= 12) {
      credentials = { pid: body.readInt32LE(0), uid: body.readUInt32LE(4), gid: body.readUInt32LE(8) };
    }
    at += align(length);
  }
  return credentials === undefined ? { fds } : { fds, credentials };
}

function align(length: number): number {
  return (length + 7) & ~7;
}
