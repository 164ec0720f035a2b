import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Whether one of these processes has a socket that listens (TCP, or a Unix stream). */
export function isListening(pids: readonly number[]): boolean {
  const listening = listeningInodes();
  return pids.some((pid) => socketInodes(pid).some((inode) => listening.has(inode)));
}

/** See proc_net(5): state 0A is LISTEN; a Unix socket that listens has the flag __SO_ACCEPTCON. */
function listeningInodes(): ReadonlySet<string> {
  const inodes = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    for (const fields of rows(`/proc/net/${table}`)) if (fields[3] === "0A" && fields[9]) inodes.add(fields[9]);
  }
  for (const fields of rows("/proc/net/unix")) if (fields[3] === "00010000" && fields[6]) inodes.add(fields[6]);
  return inodes;
}

function rows(path: string): readonly string[][] {
  try {
    const [, ...lines] = readFileSync(path, "utf8").trim().split("\n");
    return lines.map((line) => line.trim().split(/\s+/));
  } catch {
    return [];
  }
}

function socketInodes(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkOrNothing(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inode ? [inode] : [];
    });
  } catch {
    return [];
  }
}

function readlinkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
