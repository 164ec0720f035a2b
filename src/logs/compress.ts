import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { segmentFileName } from "./names.ts";
import type { Segment } from "./segments.ts";

/**
 * Compresses a closed segment on the thread pool.
 *
 * The compressed form gets its name when it is complete and on disk, and only then the original goes: after a crash at any
 * instant a reader finds at least one of the two whole, and the next housekeeping does what was left undone.
 */
export async function compressSegment(directory: string, segment: Segment): Promise<void> {
  const temporary = join(directory, segmentFileName({ ...segment, kind: "temporary" }));
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  try {
    await pipeline(
      createReadStream(segment.path),
      createZstdCompress({ params }),
      createWriteStream(temporary, { mode: 0o640, flush: true }),
    );
  } catch (error) {
    // Most likely the disk is full: give back at once what this took.
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, join(directory, segmentFileName({ ...segment, kind: "zst" })));
  await rm(segment.path, { force: true });
}
