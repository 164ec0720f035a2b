import { rm, stat } from "node:fs/promises";
import { listSegments, type Segment } from "./segments.ts";

/** A segment and what it takes on disk, with its index. */
export type SizedSegment = Segment & { readonly sizeBytes: number };

/** The segments in `directory` with their sizes; what is gone meanwhile has none. */
export async function sizedSegments(directory: string): Promise<SizedSegment[]> {
  return Promise.all(
    listSegments(directory).map(async (segment) => ({ ...segment, sizeBytes: await sizeOf(segment) })),
  );
}

/** Deletes a segment and its index. One that is gone already is no error. */
export async function removeSegment({ path, indexPath }: Segment): Promise<void> {
  await rm(path, { force: true });
  await rm(indexPath, { force: true });
}

async function sizeOf({ path, indexPath }: Segment): Promise<number> {
  const sizes = await Promise.allSettled([stat(path), stat(indexPath)]);
  return sizes.reduce((sum, result) => sum + (result.status === "fulfilled" ? result.value.size : 0), 0);
}
