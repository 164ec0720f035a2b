import { isIP } from "node:net";
import { resolve } from "node:path";
import type { ListenerSpec } from "../core/spec.ts";

type Address = ListenerSpec["address"];

/** Linux's `sun_path` holds 108 bytes, the last of them NUL. */
const unixPathBytesMax = 107;

/**
 * Reads where to listen: `8080`, `:8080`, `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `unix:/run/api.sock`.
 *
 * Without a host (or with `*`) it is every IPv4 address of the machine. Names other than `localhost` are refused: what they
 * mean depends on a resolver that may not be up yet when services start.
 *
 * @param directory what a relative socket path is relative to
 * @returns the address, or a string that says what is wrong with the text
 */
export function parseListenAddress(text: string, directory: string): Address | string {
  if (text.startsWith("unix:")) return parseUnix(text.slice("unix:".length), directory);
  const match = /^(?:\[(?<v6>[^\]]*)\]:|(?<v4>[^:]*):)?(?<port>\d+)$/.exec(text);
  if (match?.groups === undefined) return "it has no port";
  const { v6, v4, port } = match.groups;
  if (Number(port) > 65_535) return `port ${port} is above 65535`;
  if (v6 !== undefined && isIP(v6) !== 6) return `"${v6}" is no IPv6 address`;
  const host = v6 ?? hostOf(v4 ?? "");
  return host === undefined ? `"${v4}" is no IP address` : { family: "tcp", host, port: Number(port) };
}

function parseUnix(path: string, directory: string): Address | string {
  if (path === "") return "it has no path";
  const absolute = resolve(directory, path);
  const bytes = Buffer.byteLength(absolute);
  return bytes > unixPathBytesMax
    ? `its path has ${bytes} bytes, and Linux allows ${unixPathBytesMax}`
    : { family: "unix", path: absolute };
}

function hostOf(text: string): string | undefined {
  if (text === "" || text === "*") return "0.0.0.0";
  if (text === "localhost") return "127.0.0.1";
  return isIP(text) === 4 ? text : undefined;
}
