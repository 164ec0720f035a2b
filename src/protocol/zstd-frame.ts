/**
 * Where a zstd frame ends, told from its headers without decompressing it: a decoder is to be given one frame and no more,
 * because Node's stops behind the first and drops what follows. Source: RFC 8878, 3.1.
 */

const FRAME = 0xfd2fb528;
/** Any of sixteen, the last four bits are the writer's to use. */
const SKIPPABLE = 0x184d2a50;
const HEADER_BYTES_MAX = 18;
const BLOCK_HEADER_BYTES = 3;
const RUN_LENGTH_BLOCK = 1;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/** Gives the bytes of a file at an offset, fewer at its end. */
export type ReadAt = (at: number, length: number) => Uint8Array;

/** Where the frame that begins at `begin` ends; undefined if none begins there, or not all of its headers are there. */
export function zstdFrameEnd(read: ReadAt, begin: number): number | undefined {
  const header = viewOf(read(begin, HEADER_BYTES_MAX));
  if (header.byteLength < 8) return undefined;
  const letters = header.getUint32(0, true);
  if ((letters & 0xffff_fff0) >>> 0 === SKIPPABLE) return begin + 8 + header.getUint32(4, true);
  if (letters !== FRAME) return undefined;
  const descriptor = header.getUint8(4);
  const hasChecksum = (descriptor & 0b100) !== 0;
  const lastBlockEnd = endOfBlocks(read, begin + 5 + optionalHeaderBytes(descriptor));
  return lastBlockEnd === undefined ? undefined : lastBlockEnd + (hasChecksum ? 4 : 0);
}

/** Bytes of the header behind its descriptor: window, dictionary, content size. */
function optionalHeaderBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  const sizeFlag = descriptor >> 6;
  const windowBytes = isSingleSegment ? 0 : 1;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  return windowBytes + (DICTIONARY_ID_BYTES[descriptor & 0b11] ?? 0) + sizeBytes;
}

function endOfBlocks(read: ReadAt, firstBlock: number): number | undefined {
  for (let at = firstBlock; ; ) {
    const [low, middle, high] = read(at, BLOCK_HEADER_BYTES);
    if (low === undefined || middle === undefined || high === undefined) return undefined;
    const header = low | (middle << 8) | (high << 16);
    const type = (header >> 1) & 0b11;
    at += BLOCK_HEADER_BYTES + (type === RUN_LENGTH_BLOCK ? 1 : header >> 3);
    if ((header & 1) === 1) return at;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
