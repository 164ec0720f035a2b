/** How many of the bytes at the head of a pipe go into a segment, when a line has to end in them. */

const NEWLINE = 0x0a;

/** A segment that is full within a line. */
export interface SegmentEnding {
  /** Bytes until it is full; 0 or less when it is. */
  readonly room: number;
  /** Bytes until it is so full that a line is cut. At least 1. */
  readonly untilTorn: number;
}

/** Up to the end of the line, or, if the line alone is longer than a segment, a cut within it. */
export function restOfLine(
  view: Buffer,
  { untilTorn }: Pick<SegmentEnding, "untilTorn">,
): { length: number; endsSegment: boolean } {
  const newline = view.subarray(0, untilTorn).indexOf(NEWLINE);
  if (newline >= 0) return { length: newline + 1, endsSegment: true };
  return { length: Math.min(view.length, untilTorn), endsSegment: view.length >= untilTorn };
}

/** Up to the end of the first line that ends when the segment is full, or all; 0 when a line would have to be cut. */
export function untilFull(view: Buffer, { room, untilTorn }: SegmentEnding): number {
  const newline = view.indexOf(NEWLINE, Math.max(0, room - 1));
  const length = newline >= 0 ? newline + 1 : view.length;
  return length < untilTorn ? length : 0;
}

/** As many whole lines as fit into `room`, or the first one if it does not; 0 when none ends here. */
export function wholeLines(view: Buffer, room: number): number {
  const last = view.lastIndexOf(NEWLINE, room - 1);
  return (last >= 0 ? last : view.indexOf(NEWLINE)) + 1;
}
