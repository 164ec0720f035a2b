/** The file that is being written, and the ones before it. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LaresError } from "../../core/errors.ts";

export interface RotationOptions {
  /** A file never grows beyond this by whole batches of lines. Default 50 MiB. */
  readonly maxSizeBytes?: number;
  /** A file is put away after this long, however small. Default: never. */
  readonly maxAgeMs?: number;
  /** How many files put away are kept. Default 20. */
  readonly keep?: number;
  /** Total of all files; the oldest go first. Default 1 GiB. */
  readonly totalBytes?: number;
}

/** An open log file that knows when it is full, and removes the oldest of those it has put away. */
export class LogFile {
  readonly path: string;
  #pruned: Promise<void> = Promise.resolve();
  #fd = -1;
  #size = 0;
  #bornMs = 0;
  readonly #limits: Required<RotationOptions>;

  constructor(path: string, options: RotationOptions) {
    const { maxSizeBytes = 50 * 1024 ** 2, maxAgeMs = Number.POSITIVE_INFINITY } = options;
    const { keep = 20, totalBytes = 1024 ** 3 } = options;
    this.path = path;
    this.#limits = { maxSizeBytes, maxAgeMs, keep, totalBytes };
    this.open();
  }

  get fd(): number {
    return this.#fd;
  }

  get maxSizeBytes(): number {
    return this.#limits.maxSizeBytes;
  }

  /** Opens the file at the path, which may be another than before: what logrotate and SIGUSR1 ask for. */
  open(): void {
    const before = this.#fd;
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      this.#fd = openSync(this.path, "a", 0o640);
    } catch (cause) {
      throw new LaresError("io", `Cannot open log "${this.path}": ${(cause as NodeJS.ErrnoException).code}`, {
        hint: "Let its directory belong to the user the program runs as.",
        cause,
      });
    }
    if (before !== -1) closeSync(before);
    const { size, birthtimeMs } = fstatSync(this.#fd);
    this.#size = size;
    this.#bornMs = size === 0 ? Date.now() : birthtimeMs;
  }

  wrote(bytes: number): void {
    this.#size += bytes;
  }

  /** Puts the file away if `bytes` more would be too much for it, or it is too old. */
  rotateFor(bytes: number, now: number): void {
    const tooLarge = this.#size > 0 && this.#size + bytes > this.#limits.maxSizeBytes;
    const tooOld = this.#size > 0 && now - this.#bornMs >= this.#limits.maxAgeMs;
    if (!tooLarge && !tooOld) return;
    // During an upgrade two processes write here: the other one may have been quicker.
    if (this.#isAtPath()) renameSync(this.path, this.#putAwayName(now));
    this.open();
    this.prune().catch(() => {});
  }

  /** Removes the oldest of the files put away until number and total are within their limits. */
  prune(): Promise<void> {
    // One after the other: what one removes while another adds up would be missing there.
    const pruned = this.#pruned.then(() => this.#prune());
    this.#pruned = pruned.catch(() => {});
    return pruned;
  }

  async #prune(): Promise<void> {
    const directory = dirname(this.path);
    const prefix = `${basename(this.path)}.`;
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix) && /\.\d{8}T/.test(name));
    const files = await Promise.all(
      names
        .sort()
        .reverse()
        .map(async (name) => ({ path: join(directory, name), size: await sizeOf(join(directory, name)) })),
    );
    let total = this.#limits.maxSizeBytes;
    for (const [index, { path, size }] of files.entries()) {
      total += size;
      if (index >= this.#limits.keep || total > this.#limits.totalBytes) await rm(path, { force: true });
    }
  }

  close(): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }

  #isAtPath(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino;
  }

  /** Sorts as time does: `app.log.20261122T145959.123Z`. */
  #putAwayName(now: number): string {
    const stamp = new Date(now).toISOString().replaceAll("-", "").replaceAll(":", "");
    for (let attempt = 0; ; attempt += 1) {
      const name = `${this.path}.${stamp}${attempt === 0 ? "" : `-${String(attempt).padStart(3, "0")}`}`;
      if (!statSync(name, { throwIfNoEntry: false })) return name;
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  // Another prune may have been quicker.
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
