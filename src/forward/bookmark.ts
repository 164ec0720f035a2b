import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** How far one stream of a slot was delivered. It outlives renaming, compressing and deleting of segments. */
export interface StreamMark {
  /** The newest closed segment that is behind; empty if there is none. The segment in question is the next one. */
  readonly after: string;
  /** What tells that segment from another at the same place; null when nothing of it was delivered. */
  readonly firstOrder: number | null;
  /** Bytes of it that were delivered. */
  readonly offset: number;
  /** Where its last delivered line begins, and that line's order: a file that was cut and grew again has another there. */
  readonly lineAt: number;
  readonly lineOrder: number;
  /** Bytes of the stream up to here, as the indexes count them: what was deleted undelivered shows as a step. */
  readonly total: number;
  /** The time given to the last line, in nanoseconds since 1970, as text: later lines get later ones. */
  readonly timeNs: string;
}

/** The saved place of one sink of a service, and what it has to tell of itself. */
export interface Bookmark {
  readonly lares: 1;
  /** By `SLOT.STREAM`. */
  readonly streams: Readonly<Record<string, StreamMark>>;
  readonly deliveredLines: number;
  readonly deliveredBytes: number;
  readonly deliveredAtMs: number | null;
  readonly lostBytes: number;
  readonly refusedLines: number;
}

/** That of a sink that has delivered nothing yet. */
export const blankBookmark: Bookmark = {
  lares: 1,
  streams: {},
  deliveredLines: 0,
  deliveredBytes: 0,
  deliveredAtMs: null,
  lostBytes: 0,
  refusedLines: 0,
};

/** The bookmark at `path`, if there is one; `damaged` if it cannot be read, which is then kept under another name. */
export function readBookmark(path: string): Bookmark | "damaged" | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const bookmark = JSON.parse(text);
    if (bookmark?.lares === 1 && typeof bookmark.streams === "object") return bookmark;
  } catch {
    // As damaged as one that is no bookmark.
  }
  renameSync(path, `${path}.unreadable`);
  return "damaged";
}

/**
 * Puts a bookmark in place of the one before, whole or not at all.
 *
 * Not synced: an older one after a power failure costs repetitions and no line.
 */
export function writeBookmark(path: string, bookmark: Bookmark): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, JSON.stringify(bookmark), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
