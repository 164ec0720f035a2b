import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { LogSpec } from "../core/spec.ts";
import { compressSegment } from "./compress.ts";
import { parseSegmentFileName, segmentFileName } from "./names.ts";
import { expiredSegments } from "./retention.ts";
import { listSegments } from "./segments.ts";
import { removeSegment, sizedSegments } from "./sized-segments.ts";

/** A rest for each segment that was looked at: a service may rotate all the time and keep thousands of them. */
const REST_MS_PER_SEGMENT = 0.2;

/**
 * Compresses and deletes closed segments: one directory after the other, off the event loop, each as soon as one of its
 * segments was closed. Failures are told and otherwise left to the next time: nothing here may disturb a capture.
 */
export class Housekeeper {
  readonly #due = new Map<string, LogSpec>();
  readonly #onError: (error: Error) => void;
  #work: Promise<void> | undefined;

  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  /** Puts the directory of a service in order, soon. */
  tidy(directory: string, limits: LogSpec): void {
    this.#due.set(directory, limits);
    this.#work ??= this.#workOff().finally(() => {
      this.#work = undefined;
    });
  }

  /** Resolves when there is nothing left to do. */
  async idle(): Promise<void> {
    await this.#work;
  }

  async #workOff(): Promise<void> {
    for (let seen = 0; ; await setTimeout(seen * REST_MS_PER_SEGMENT)) {
      const [next] = this.#due;
      if (next === undefined) return;
      const [directory, limits] = next;
      this.#due.delete(directory);
      try {
        seen = await tidyDirectory(directory, limits);
      } catch (error) {
        this.#onError(error as Error);
      }
    }
  }
}

/** @returns how many segments there are */
async function tidyDirectory(directory: string, limits: LogSpec): Promise<number> {
  if (!existsSync(directory)) return 0;
  await removeLeftovers(directory);
  const left = await expire(directory, limits);
  if (limits.compress === "none") return left;
  for (const segment of listSegments(directory)) {
    if (segment.rotatedAt !== null && !segment.compressed) await compressSegment(directory, segment);
  }
  return expire(directory, limits);
}

/** What a crash left: half-written compressed segments, and indexes whose segments were deleted. */
async function removeLeftovers(directory: string): Promise<void> {
  const names = new Set(await readdir(directory));
  for (const fileName of names) {
    const name = parseSegmentFileName(fileName);
    const isOrphan =
      name?.kind === "idx" &&
      name.rotatedAt !== null &&
      !names.has(segmentFileName({ ...name, kind: "log" })) &&
      !names.has(segmentFileName({ ...name, kind: "zst" }));
    if (isOrphan || name?.kind === "temporary") await rm(join(directory, fileName), { force: true });
  }
}

/** @returns how many segments are left */
async function expire(directory: string, limits: LogSpec): Promise<number> {
  const segments = await sizedSegments(directory);
  const expired = expiredSegments(segments, limits, Date.now());
  for (const segment of expired) await removeSegment(segment);
  return segments.length - expired.size;
}
