import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import type { World } from "../core/draft.ts";
import {
  headerLine,
  type JournalEntry,
  type JournalHeader,
  journalHole,
  type Replay,
  replay,
  type Stamped,
  snapshotOf,
} from "./journal-codec.ts";

/** Beyond this a journal is written anew: it holds many states of the same few slots. */
const rewriteBytes = 4 * 1024 * 1024;

/** Where the journal's text is kept; a simulation has another. */
export interface JournalFile {
  read(): string;
  /** Adds to the end; all or nothing. @throws when there is no room. */
  append(text: string): void;
  /** Puts new text in place of all of it, so that a reader sees either the one or the other. */
  replace(text: string): void;
}

/**
 * What the next supervisor has to know. It is written before anything is done about a decision, so that a supervisor that
 * dies at any moment leaves behind at most an intent that was not carried out.
 *
 * It need only outlive the process, not the machine: nothing is synced.
 */
export class Journal {
  readonly #file: JournalFile;
  readonly #header: Omit<JournalHeader, "lares" | "recoveries">;
  #recoveries = 0;
  #bytes = 0;
  readonly #rewriteBytes: number;
  /** The last write failed: the file no longer has everything, and is written anew at the next chance. */
  #behind = false;

  constructor(
    file: JournalFile,
    header: Omit<JournalHeader, "lares" | "recoveries">,
    limits: { readonly rewriteBytes: number } = { rewriteBytes },
  ) {
    this.#file = file;
    this.#header = header;
    this.#rewriteBytes = limits.rewriteBytes;
  }

  /** What the last supervisor of this boot left; undefined when there is nothing that can be used. */
  recover(): Replay | undefined {
    const found = replay(this.#file.read());
    if (found?.header.boot !== this.#header.boot) return undefined;
    this.#recoveries = (found.header.recoveries ?? 0) + 1;
    return found;
  }

  /** How often this home has been taken over from a dead supervisor since it was started. */
  get recoveries(): number {
    return this.#recoveries;
  }

  get isBehind(): boolean {
    return this.#behind;
  }

  /** Begins anew with the whole world, and the events that are not in their own file yet. */
  rewrite(world: World, events: readonly Stamped[]): void {
    const header = headerLine({ ...this.#header, recoveries: this.#recoveries });
    const text = header + lineOf({ ...snapshotOf(world), ...(events.length > 0 && { events }) });
    this.#behind = true;
    this.#file.replace(text);
    this.#behind = false;
    this.#bytes = text.length;
  }

  /**
   * Adds what a step changed.
   *
   * @returns false when it could not be written (the disk is full): the supervisor goes on, and a death before the next
   *   `rewrite` would leave only the instances' own tags to find them by.
   */
  append(entry: JournalEntry): boolean {
    if (this.#behind) return false;
    const line = lineOf(entry);
    if (line === "{}\n") return true;
    try {
      this.#file.append(line);
      this.#bytes += line.length;
      return true;
    } catch {
      this.#behind = true;
      return false;
    }
  }

  get wantsRewrite(): boolean {
    return this.#behind || this.#bytes > this.#rewriteBytes;
  }
}

/** The journal on disk, readable by its owner only: a spec holds the environment of a service. */
export function journalFile(path: string): JournalFile {
  let fd: number | undefined;
  let size = 0;
  return {
    read() {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return "";
      }
    },
    append(text) {
      fd ??= openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
      const bytes = Buffer.from(text);
      const written = tryToWrite(fd, bytes);
      if (written === bytes.length) {
        size += written;
        return;
      }
      // A hole takes no room, and tells the next supervisor that something is missing.
      ftruncateSync(fd, size);
      ftruncateSync(fd, size + journalHole.length);
      throw new Error("no space left for the journal");
    },
    replace(text) {
      const temporary = `${path}.new`;
      const fresh = openSync(
        temporary,
        constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND,
        0o600,
      );
      try {
        writeWhole(fresh, text);
        renameSync(temporary, path);
      } catch (error) {
        closeSync(fresh);
        unlinkSync(temporary);
        throw error;
      }
      if (fd !== undefined) closeSync(fd);
      fd = fresh;
      size = Buffer.byteLength(text);
    },
  };
}

/** @returns how much of it was written; nothing when there is no room at all */
function tryToWrite(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch {
    return 0;
  }
}

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function lineOf(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`;
}
