/** Who listens on a TCP port, as far as /proc tells: other users' descriptors are visible to root only. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const TCP_LISTEN = "0A";

/** For example `"nginx" (pid 812)`; undefined when nobody can be made out. */
export function findPortHolder(port: number): string | undefined {
  const inodes = new Set([...listenersOn(port, "/proc/net/tcp"), ...listenersOn(port, "/proc/net/tcp6")]);
  if (inodes.size === 0) return undefined;
  for (const pid of list("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    if (!list(`/proc/${pid}/fd`).some((fd) => inodes.has(socketInode(`/proc/${pid}/fd/${fd}`)))) continue;
    return `"${read(`/proc/${pid}/comm`).trim()}" (pid ${pid})`;
  }
  return undefined;
}

/** The socket inodes of listeners; the columns are described in proc_net_tcp(5). */
function listenersOn(port: number, table: string): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return read(table)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix) && columns[3] === TCP_LISTEN)
    .map((columns) => columns[9] ?? "");
}

function socketInode(link: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1] ?? "none";
  } catch {
    return "none";
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
