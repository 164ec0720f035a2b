/** Socket addresses as the kernel reads them. */
import { constants, openSync } from "node:fs";
import { isIP } from "node:net";
import { basename, dirname } from "node:path";
import { LaresError } from "../core/errors.ts";
import { asIoError, closeFd } from "./descriptors.ts";
import { libc } from "./libc.ts";

export const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** Bytes of a path that fit into a socket address, without its NUL. */
const UNIX_PATH_BYTES_MAX = 107;
const ADDRESS_BYTES_MAX = 128;
const O_PATH = 0o10000000;

/** Where a TCP socket is bound. */
export interface TcpAddress {
  /** A numeric address. */
  readonly host: string;
  readonly port: number;
}

/**
 * Encodes a TCP address.
 *
 * @param address `host` may also be `localhost` (127.0.0.1), `*` or empty (every IPv4 address). Other names are not
 *   resolved: that would wait for the network.
 */
export function encodeTcpAddress(address: TcpAddress): Buffer {
  const host = numericHost(address.host);
  const isV6 = isIP(host) === 6;
  const encoded = Buffer.alloc(isV6 ? 28 : 16);
  encoded.writeUInt16LE(isV6 ? AF_INET6 : AF_INET, 0);
  encoded.writeUInt16BE(address.port, 2);
  if (libc.inet_pton(isV6 ? AF_INET6 : AF_INET, host, encoded.subarray(isV6 ? 8 : 4)) !== 1) {
    throw new LaresError("usage", `Cannot listen on "${address.host}": it is not an IP address`, {
      hint: "Give a numeric address, for example 127.0.0.1 or ::1.",
    });
  }
  return encoded;
}

function numericHost(host: string): string {
  if (host === "" || host === "*") return "0.0.0.0";
  return host === "localhost" ? "127.0.0.1" : host.replace(/^\[(.*)\]$/, "$1");
}

/** The address a TCP socket is bound to. */
export function boundAddress(fd: number): TcpAddress {
  const encoded = Buffer.alloc(ADDRESS_BYTES_MAX);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(encoded.length);
  libc.getsockname(fd, encoded, length);
  const family = encoded.readUInt16LE(0);
  const text = Buffer.alloc(64);
  libc.inet_ntop(family, encoded.subarray(family === AF_INET6 ? 8 : 4), text, text.length);
  return { host: text.toString("latin1", 0, text.indexOf(0)), port: encoded.readUInt16BE(2) };
}

/** Encodes a path that `usablePath` returned. */
export function encodeUnixAddress(path: string): Buffer {
  return Buffer.concat([Buffer.of(AF_UNIX, 0), Buffer.from(path), Buffer.of(0)]);
}

/** A path that fits into a socket address. It works until it is closed. */
export interface UsablePath {
  readonly path: string;
  close(): void;
}

/**
 * Makes the path of a Unix socket short enough to bind or connect to (107 bytes), whatever its length: a long one is
 * reached through a descriptor of its directory. Such a path means nothing to other processes.
 */
export function usablePath(path: string): UsablePath {
  if (fitsSocketAddress(path)) return { path, close: () => {} };
  const directory = asIoError(`open "${dirname(path)}"`, () => openSync(dirname(path), O_PATH | constants.O_DIRECTORY));
  const short = `/proc/self/fd/${directory}/${basename(path)}`;
  if (fitsSocketAddress(short)) return { path: short, close: () => closeFd(directory) };
  closeFd(directory);
  throw new LaresError("io", `Cannot use socket "${path}": its file name is too long`, {
    hint: "Choose a shorter name.",
  });
}

/** Whether other programs can use this path, for example in `NOTIFY_SOCKET`. */
export function fitsSocketAddress(path: string): boolean {
  return Buffer.byteLength(path) <= UNIX_PATH_BYTES_MAX;
}
