import type { NotifyDatagram } from "../../src/supervisor/kernel.ts";
import type { Process } from "./processes.ts";

/** An open file description: what descriptors of several processes, and messages in the store, refer to. */
export type Description = { refs: number } & (
  | { readonly kind: "pipe_read"; readonly pipe: Pipe }
  | { readonly kind: "pipe_write"; readonly pipe: Pipe }
  | { readonly kind: "notify"; readonly path: string; readonly queue: NotifyDatagram[] }
  | { readonly kind: "pidfd"; readonly process: Process }
);

/** Text is kept as it was written, one string for each write: a line is never torn here. */
export interface Pipe {
  readonly lines: string[];
  readonly reader: Description & { readonly kind: "pipe_read" };
  readonly writer: Description & { readonly kind: "pipe_write" };
}

/** How many lines a pipe holds before its writer has to wait. */
export const pipeLinesMax = 16;

export function createPipe(): Pipe {
  const lines: string[] = [];
  const pipe = { lines } as { -readonly [key in keyof Pipe]: Pipe[key] };
  pipe.reader = { kind: "pipe_read", pipe, refs: 0 };
  pipe.writer = { kind: "pipe_write", pipe, refs: 0 };
  return pipe;
}

export function isReadable(description: Description): boolean {
  switch (description.kind) {
    case "pipe_read":
      return description.pipe.lines.length > 0 || description.pipe.writer.refs === 0;
    case "notify":
      return description.queue.length > 0;
    case "pidfd":
      return description.process.state !== "running";
    default:
      return false;
  }
}
