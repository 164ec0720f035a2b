/** What one stream gives when it has its turn. */
import type { Capture } from "./capture.ts";
import { SLICE_BYTES, type Taken } from "./capture-options.ts";
import { FLOOD_BYTES } from "./pace.ts";

/** Whether everything that was to come of a stream was taken. */
export function isOver(capture: Capture, { bytes, state }: Taken): boolean {
  return state === "ended" || capture.isDrained || (capture.ending && bytes === 0 && state === "empty");
}

/** What a stream gives in one turn when it is flooding. */
export function floodBytesOf({ pipeBytes }: Capture): number {
  return Math.min(FLOOD_BYTES, pipeBytes / 4);
}

/** What makes a batch worth its while when the program is quick to write more. */
export function worthwhileBytesOf(capture: Capture): number {
  const { pipeBytes, isDraining } = capture;
  return isDraining ? floodBytesOf(capture) : (pipeBytes * 3) / 8;
}

/** One slice, also when it has to be cut because segments end in it, and less when that takes too long. */
export function takeSlice(capture: Capture, mayGoOn: () => boolean): Taken {
  let taken = capture.take();
  let bytes = taken.bytes;
  while (taken.state === "flowing" && bytes < SLICE_BYTES && mayGoOn()) {
    taken = capture.take();
    bytes += taken.bytes;
  }
  return { bytes, state: taken.state };
}
