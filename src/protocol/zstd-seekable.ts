/**
 * The table at the end of a zstd file of many frames that tells where each of them lies, so that a reader can begin at any.
 * It is a skippable frame: other programs read such a file as any other.
 *
 * Source: zstd_seekable_compression_format.md 0.1.0 in zstd's `contrib/seekable_format`. Little-endian:
 *
 * | bytes | |
 * |---|---|
 * | 4 + 4 | the letters of a skippable frame; how many bytes of it follow |
 * | 8 (12) each | of each frame: its size, its size before compression (and a checksum if the descriptor says so) |
 * | 4 + 1 + 4 | number of frames; descriptor; the letters of a seek table |
 */

/** What a frame takes in the file, and what it holds. */
export interface FrameSize {
  readonly bytes: number;
  /** Before compression. */
  readonly plainBytes: number;
}

/** Bytes at the end of a file that tell whether it has a table, and how long that is. */
export const SEEK_FOOTER_BYTES = 9;

const HEADER_BYTES = 8;
const SKIPPABLE = 0x184d2a5e;
const SEEKABLE = 0x8f92eab1;
const WITH_CHECKSUMS = 0x80;
/** These must be zero; a later version of the format may give them a meaning. */
const RESERVED = 0x7c;
const FRAMES_MAX = 0x800_0000;

/** The table of a file that consists of `frames`, to be put behind them. */
export function encodeSeekTable(frames: readonly FrameSize[]): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + frames.length * 8 + SEEK_FOOTER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SKIPPABLE, true);
  view.setUint32(4, bytes.length - HEADER_BYTES, true);
  for (const [ordinal, frame] of frames.entries()) {
    view.setUint32(HEADER_BYTES + ordinal * 8, frame.bytes, true);
    view.setUint32(HEADER_BYTES + ordinal * 8 + 4, frame.plainBytes, true);
  }
  const footer = bytes.length - SEEK_FOOTER_BYTES;
  view.setUint32(footer, frames.length, true);
  view.setUint32(footer + 5, SEEKABLE, true);
  return bytes;
}

/** How many bytes at the end of the file are its table; undefined if `footer`, its last bytes, ends none. */
export function seekTableBytes(footer: Uint8Array): number | undefined {
  const { count, entryBytes } = decodeFooter(footer) ?? {};
  return count === undefined || entryBytes === undefined
    ? undefined
    : HEADER_BYTES + count * entryBytes + SEEK_FOOTER_BYTES;
}

/** The frames of which `table` speaks; undefined if it is none. */
export function decodeSeekTable(table: Uint8Array): FrameSize[] | undefined {
  const footer = decodeFooter(table.subarray(-SEEK_FOOTER_BYTES));
  if (footer === undefined || table.length !== seekTableBytes(table.subarray(-SEEK_FOOTER_BYTES))) return undefined;
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  if (view.getUint32(0, true) !== SKIPPABLE || view.getUint32(4, true) !== table.length - HEADER_BYTES)
    return undefined;
  return Array.from({ length: footer.count }, (_, ordinal) => {
    const at = HEADER_BYTES + ordinal * footer.entryBytes;
    return { bytes: view.getUint32(at, true), plainBytes: view.getUint32(at + 4, true) };
  });
}

function decodeFooter(footer: Uint8Array): { readonly count: number; readonly entryBytes: number } | undefined {
  if (footer.length !== SEEK_FOOTER_BYTES) return undefined;
  const view = new DataView(footer.buffer, footer.byteOffset, footer.length);
  const count = view.getUint32(0, true);
  const descriptor = view.getUint8(4);
  if (view.getUint32(5, true) !== SEEKABLE || (descriptor & RESERVED) !== 0 || count > FRAMES_MAX) return undefined;
  return { count, entryBytes: (descriptor & WITH_CHECKSUMS) === 0 ? 8 : 12 };
}
