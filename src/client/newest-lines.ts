import { open } from "node:fs/promises";

/** Enough for a stack trace. */
const tailBytes = 16 * 1024;

/**
 * The last lines of a text file, read from its end.
 *
 * @returns No lines when the file cannot be read: it is asked for to explain another failure.
 */
export async function newestLines(path: string, count: number): Promise<string[]> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").slice(-count);
  } catch {
    return [];
  }
}
