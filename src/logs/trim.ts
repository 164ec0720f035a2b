/** The bound of all services' log files together. */
import { readdir } from "node:fs/promises";
import { serviceDirectory } from "./names.ts";
import { oldestBeyond } from "./retention.ts";
import { removeSegment, type SizedSegment, sizedSegments } from "./sized-segments.ts";

/** Looking at everything is dear when there are many services: it may take this share of the time. */
const SHARE = 1 / 20;
const REST_MS_LEAST = 1_000;

/** What had to go so that all services together keep within their total. */
export interface Trimmed {
  readonly totalBytes: number;
  readonly segments: number;
  readonly bytes: number;
}

export interface TrimmerOptions {
  /** The log directory of the home. */
  readonly directory: string;
  /** The bound at this moment; undefined for none. */
  readonly totalBytes: () => number | undefined;
  /** Once for each time that something had to go. */
  readonly onTrimmed: (trimmed: Trimmed) => void;
  readonly onError: (error: Error) => void;
}

/** Keeps all services together within a total: soon after it is asked to, and never so often that it is felt. */
export class Trimmer {
  readonly #options: TrimmerOptions;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> | undefined;
  #notBeforeMs = 0;

  constructor(options: TrimmerOptions) {
    this.#options = options;
  }

  /** Something has grown. */
  ask(): void {
    if (this.#timer !== undefined || this.#options.totalBytes() === undefined) return;
    const delayMs = Math.max(0, this.#notBeforeMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#work = this.#trim();
    }, delayMs).unref();
  }

  /** Resolves when nothing is being deleted. */
  async idle(): Promise<void> {
    await this.#work;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #trim(): Promise<void> {
    const { directory, totalBytes, onTrimmed, onError } = this.#options;
    const startMs = performance.now();
    try {
      const trimmed = await trimAll(directory, totalBytes() ?? Infinity);
      if (trimmed !== undefined) onTrimmed(trimmed);
    } catch (error) {
      onError(error as Error);
    }
    const endMs = performance.now();
    this.#notBeforeMs = endMs + Math.max(REST_MS_LEAST, (endMs - startMs) / SHARE);
    this.#timer = undefined;
  }
}

/**
 * Deletes the oldest closed segments of all services, running or not, until everything together is within `totalBytes`.
 *
 * @param directory the log directory of the home
 * @returns undefined when nothing had to go
 */
export async function trimAll(directory: string, totalBytes: number): Promise<Trimmed | undefined> {
  const segments: SizedSegment[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    // One after the other: listing many directories at once would hold the loop.
    if (entry.isDirectory()) segments.push(...(await sizedSegments(serviceDirectory(directory, entry.name))));
  }
  const beyond = oldestBeyond(segments, totalBytes);
  if (beyond.length === 0) return undefined;
  for (const segment of beyond) await removeSegment(segment);
  return { totalBytes, segments: beyond.length, bytes: beyond.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
