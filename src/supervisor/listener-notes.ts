/** What is written down of open listeners, so that the next supervisor knows what the parked descriptors are. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";

export interface Notes {
  /** In the order of binding: the kernel counts the sockets of a port in it. */
  readonly sockets: readonly SocketNote[];
  /** For each run, the keys of the sockets that it was started with. */
  readonly used: Readonly<Record<string, readonly string[]>>;
}

export interface SocketNote {
  readonly key: string;
  readonly service: string;
  readonly owner: number | "shared";
  /** As the kernel has it: `HOST:PORT` with a real port where 0 was asked for, or `unix:PATH`. */
  readonly bound: string;
  /** What else the configuration says of it, as text to compare. */
  readonly access: string;
}

export function readNotes(path: string): Notes {
  try {
    const { sockets, used } = JSON.parse(readFileSync(path, "utf8"));
    return { sockets: Array.isArray(sockets) ? sockets : [], used: used ?? {} };
  } catch {
    return { sockets: [], used: {} };
  }
}

/** Whole or not at all: without its note a parked socket could not be told from one that nobody wants any more. */
export function writeNotes(path: string, notes: Notes): void {
  writeFileSync(`${path}.new`, JSON.stringify(notes), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
