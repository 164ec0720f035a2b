import { execFile } from "node:child_process";
import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Editors write a file in several steps. */
const settleMs = 200;
/** What no notification tells (network file systems, a replaced directory) is found by looking. */
const lookMs = 10_000;
const applyTimeoutMs = 60_000;
const wordsMax = 4000;

export interface ConfigurationFilesOptions {
  /** Runs `lares apply -f FILE` for this home: reading configurations takes libraries that the supervisor does without. */
  readonly applyCommand: (file: string) => { readonly program: string; readonly args: readonly string[] };
  /** A file was not applied; why, as the command says it. Nothing has changed. */
  readonly onRejected: (file: string, reason: string) => void;
}

/** Applies configuration files again: when told to, and those that are watched when they change. */
export class ConfigurationFiles {
  readonly #options: ConfigurationFilesOptions;
  readonly #watched = new Map<string, { stop: () => void }>();
  /** Files that are being applied, each with whether it has to be once more. */
  readonly #applying = new Map<string, boolean>();

  constructor(options: ConfigurationFilesOptions) {
    this.#options = options;
  }

  apply(file: string): void {
    // One at a time for a file. The one under way may have read it before it changed: it is read again afterwards.
    if (this.#applying.has(file)) {
      this.#applying.set(file, true);
      return;
    }
    this.#applying.set(file, false);
    const { program, args } = this.#options.applyCommand(file);
    execFile(program, [...args], { timeout: applyTimeoutMs, killSignal: "SIGKILL" }, (error, _stdout, stderr) => {
      const again = this.#applying.get(file) === true;
      this.#applying.delete(file);
      if (again) this.apply(file);
      if (error) this.#options.onRejected(file, stderr.trim().slice(0, wordsMax) || error.message);
    });
  }

  /** Watches exactly these files. */
  watch(files: readonly string[]): void {
    for (const [file, { stop }] of this.#watched) {
      if (files.includes(file)) continue;
      stop();
      this.#watched.delete(file);
    }
    for (const file of files) if (!this.#watched.has(file)) this.#watched.set(file, { stop: this.#watchOne(file) });
  }

  close(): void {
    this.watch([]);
  }

  /** On the directory: a watch on the file itself goes deaf once it is replaced by a rename. */
  #watchOne(file: string): () => void {
    let seen = stampOf(file);
    let settling: NodeJS.Timeout | undefined;
    const look = () => {
      const now = stampOf(file);
      if (now === seen) return;
      seen = now;
      clearTimeout(settling);
      settling = setTimeout(() => this.apply(file), settleMs);
    };
    const timer = setInterval(look, lookMs).unref();
    const watcher = watchDirectory(dirname(file), (name) =>
      name === null || name === basename(file) ? look() : undefined,
    );
    return () => {
      clearInterval(timer);
      clearTimeout(settling);
      watcher?.close();
    };
  }
}

function watchDirectory(directory: string, onChange: (name: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, (_type, name) => onChange(name));
    // What goes wrong with it is made up for by looking.
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}:${found.mtimeMs}:${found.size}` : "absent";
}
