import { appendFileSync, readFileSync, renameSync } from "node:fs";

/** Where events are kept for good; a simulation has another. */
export interface EventFile {
  /** The current file as text; empty when there is none. */
  read(): string;
  /** The file before the current one. */
  readOlder(): string;
  /** @throws when there is no room */
  append(text: string): void;
  /** The current file becomes the older one. */
  rotate(): void;
}

/** The events of a home on disk. */
export function eventFile(path: string): EventFile {
  const older = `${path}.1`;
  return {
    read: () => textOf(path),
    readOlder: () => textOf(older),
    append: (text) => appendFileSync(path, text, { mode: 0o600 }),
    rotate: () => renameSync(path, older),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
