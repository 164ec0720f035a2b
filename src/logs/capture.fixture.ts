/** A slot for unit tests: real pipes and files, no event loop. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { LogSpec } from "../core/spec.ts";
import { setNonBlocking } from "../os/descriptors.ts";
import { closeFd, createPipe, type Pipe, writeNow } from "../os/pipes.ts";
import { Capture } from "./capture.ts";
import type { CaptureContext, CaptureOptions } from "./capture-options.ts";
import type { StreamName } from "./names.ts";
import { ReadOrder } from "./order.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { listSegments, segmentsOf } from "./segments.ts";

const root = mkdtempSync(join(tmpdir(), "lares-logs-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Nothing is ever deleted, compressed or rotated by age. */
export const roomyLimits: LogSpec = {
  maxSizeBytes: 50_000_000,
  maxAgeMs: 1e12,
  keep: 1e6,
  totalBytes: 1e12,
  compress: "none",
  whenFull: "drop",
};

/** A log directory of its own. */
export function logDirectory(): string {
  return mkdtempSync(join(root, "log-"));
}

/** Streams of some slots in one log directory, with a clock that the test moves. */
export function logs(options: { directory?: string; limits?: Partial<LogSpec> } = {}) {
  const directory = options.directory ?? logDirectory();
  const limits = { ...roomyLimits, ...options.limits };
  const clock = { ms: Date.parse("2026-11-22T10:00:00Z") };
  const order = new ReadOrder();
  const slotOrders = new Map<string, { last: number }>();
  const stream = (service = "s", slot = 0, name: StreamName = "stdout") => {
    const slotOrder = slotOrders.get(`${service}/${slot}`) ?? { last: 0 };
    slotOrders.set(`${service}/${slot}`, slotOrder);
    const key = { slot, stream: name };
    const context = { order, slotOrder, now: () => clock.ms, onRotated: () => {} };
    const writer = new SegmentWriter(join(directory, service), { key, limits, context });
    return {
      directory: writer.directory,
      writer,
      start: (generation: number, hooks: Partial<CaptureOptions> = {}, given: Given = {}) =>
        startInstance(writer, { fd: -1, service, ...key, generation, limits, ...hooks }, given),
      contents: () => segmentsOf(listSegments(writer.directory), key).map((segment) => readFileSync(segment.path)),
    };
  };
  return { directory, clock, stream };
}

/** What an instance is started with. */
interface Given {
  /** One with something in it. */
  readonly pipe?: Pipe;
  /** Without any, nothing is written by threads. */
  readonly flights?: CaptureContext["flights"];
}

function startInstance(writer: SegmentWriter, options: CaptureOptions, given: Given) {
  const pipe = given.pipe ?? createPipe({ sizeBytes: 1024 * 1024 });
  setNonBlocking(pipe.writeEnd, true);
  const flights = given.flights ?? { isPossible: false, start: () => 0 };
  const context = { writer, flights, now: () => performance.now(), hurry: () => {}, beforeClose: () => {} };
  const capture = new Capture({ ...options, fd: pipe.readEnd }, context);
  return {
    capture,
    pipe,
    /** Writes everything, making room in the pipe where it is full. */
    write(bytes: Uint8Array | string) {
      let rest = Buffer.from(bytes);
      while (rest.length > 0) {
        const written = Math.max(0, writeNow(pipe.writeEnd, rest));
        rest = rest.subarray(written);
        if (rest.length > 0) capture.take();
      }
    },
    /** Writes, and has it captured. */
    say(text: string) {
      this.write(text);
      capture.drain();
    },
    end() {
      closeFd(pipe.writeEnd);
      capture.end();
    },
  };
}
