import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { encodeSeekTable, type FrameSize } from "../protocol/zstd-seekable.ts";
import { segmentFileName } from "./names.ts";
import type { Segment } from "./segments.ts";

/**
 * Before compression: what a reader has to decompress to get at any byte of it, half a millisecond of work. Lines become no
 * smaller in larger frames, docs/adr/0055.
 */
const FRAME_BYTES = 512 * 1024;
const compressFrame = promisify(zstdCompress);

/**
 * Compresses a closed segment on the thread pool, in frames that can be read each without the others.
 *
 * The compressed form gets its name when it is complete and on disk, and only then the original goes: after a crash at any
 * instant a reader finds at least one of the two whole, and the next housekeeping does what was left undone.
 */
export async function compressSegment(
  directory: string,
  segment: Segment,
  { frameBytes = FRAME_BYTES }: { readonly frameBytes?: number } = {},
): Promise<void> {
  const temporary = join(directory, segmentFileName({ ...segment, kind: "temporary" }));
  try {
    await pipeline(
      createReadStream(segment.path, { highWaterMark: frameBytes }),
      framesAndTable,
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

/** One frame for each of `chunks`, and where they lie. */
async function* framesAndTable(chunks: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const sizes: FrameSize[] = [];
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  for await (const chunk of chunks) {
    const frame = await compressFrame(chunk, { params, pledgedSrcSize: chunk.length, chunkSize: FRAME_BYTES / 2 });
    sizes.push({ bytes: frame.length, plainBytes: chunk.length });
    yield frame;
  }
  yield encodeSeekTable(sizes);
}
