/** What to do about a batch that was on its way when the process that wrote it died. */
import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../os/libc.ts";
import { fileMark, notePipe, type PipeNote, pipeNote } from "../os/pipe-note.ts";
import { closeFd, createPipe, discard } from "../os/pipes.ts";
import { LOOK_BYTES, look } from "./look.ts";
import type { SegmentWriter } from "./segment-writer.ts";

/**
 * Makes file and pipe agree again, so that what is at the head of the pipe comes behind the end of the file.
 *
 * The note on the pipe says which bytes of the file came from its head. If the file is too short for that, they were not
 * written, and so not consumed. If it is long enough and the pipe begins with the same bytes, they were not consumed yet;
 * otherwise they were. (Of bytes that repeat themselves after exactly one batch this cannot be told; the batch then counts
 * as not consumed.) What is missing is written, and the batch consumed. A death in here changes nothing of that.
 *
 * @param from the read end of the pipe
 * @throws what the file system throws when the file cannot be opened or read; to be tried again
 */
export function settle(from: number, { writer, generation }: { writer: SegmentWriter; generation: number }): void {
  const note = pipeNote(from);
  if (note === undefined) return;
  writer.ensureOpen();
  if (fileMark(writer.inode) === note.file) settleIn(writer.note(generation), { from, note, writer });
  else settleMoved(from, note, writer.directory);
  notePipe(from, undefined);
}

/** `settle`, or later: @returns whether it was done */
export function settleNow(from: number, to: { writer: SegmentWriter; generation: number }): boolean {
  try {
    settle(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

interface Unsettled {
  readonly from: number;
  readonly note: PipeNote;
  /** Of the file, unless others have moved it away. */
  readonly writer?: SegmentWriter;
}

function settleIn(file: number, { from, note, writer }: Unsettled): void {
  const { offset, length } = note;
  const { size } = fstatSync(file);
  // Cut by others (copytruncate): whatever was written of it is gone from here, and what is in the pipe is new here.
  if (size < offset) return;
  const head = look(from, length);
  if (head === undefined || head.length < length) return;
  const written = Math.min(length, size - offset);
  if (!isSame(head.subarray(0, written), readAt(file, offset, written))) return;
  try {
    const missing = head.subarray(written);
    const added = missing.length === 0 ? 0 : writeSync(file, missing, 0, missing.length, size);
    writer?.advance(added);
    if (added < missing.length) throw new Error("no room for the rest of the batch");
  } catch {
    // The batch stays in the pipe, where a full disk is dealt with.
    if (writer === undefined) ftruncateSync(file, offset);
    else writer.cutTo(offset);
    return;
  }
  discardAll(from, length);
}

/** By others, after which the batch was still written to it. */
function settleMoved(from: number, note: PipeNote, directory: string): void {
  const moved = readdirSync(directory)
    .map((name) => join(directory, name))
    .find((path) => isFile(path, note.file));
  if (moved === undefined) return;
  const file = openSync(moved, "r+");
  try {
    settleIn(file, { from, note });
  } finally {
    closeSync(file);
  }
}

function isFile(path: string, mark: number): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && fileMark(stats.ino) === mark;
}

function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && a.compare(b) === 0;
}

function discardAll(from: number, length: number): void {
  const by = createPipe({ sizeBytes: LOOK_BYTES });
  discard(from, length, by);
  closeFd(by.readEnd);
  closeFd(by.writeEnd);
}
