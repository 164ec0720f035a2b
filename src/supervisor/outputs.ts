import type { RunId } from "../core/effects.ts";
import type { Capture } from "../logs/capture.ts";
import { Captures } from "../logs/captures.ts";
import { serviceDirectory } from "../logs/names.ts";
import type { PressureReport } from "../logs/pressure.ts";
import { tailLines } from "../logs/tail.ts";
import type { Trimmed } from "../logs/trim.ts";
import type { OutputStream } from "./holding.ts";
import { runKey } from "./holding.ts";
import type { Outputs } from "./instances-options.ts";

/** A program says early that it is ready. */
const pastLinesMax = 1000;

/** How long the end of a program is kept back until what it wrote last is in its files. A disk may hang for longer. */
const drainMs = 250;

export interface OutputsOptions {
  readonly directory: string;
  /** Something about a service's output has to be said: a full disk, and its end. */
  readonly onPressure: (run: RunId, sentence: string) => void;
  /** Closed segments could not be compressed or deleted. */
  readonly onError: (error: Error) => void;
  /** Log files had to go because all services together were above their total. */
  readonly onTrimmed?: (sentence: string) => void;
}

export interface CapturedOutputs extends Outputs {
  readonly captures: Captures;
  /** Bytes of a service that were not written because there was no room, since this supervisor began. */
  droppedBytes(service: string): number;
}

/** The output of all instances, captured into files. */
export function capturedOutputs({ directory, onPressure, onError, onTrimmed }: OutputsOptions): CapturedOutputs {
  const captures = new Captures({
    directory,
    onError,
    onTrimmed: (trimmed) => onTrimmed?.(describeTrimmed(trimmed)),
  });
  const open = new Map<string, Capture>();
  /** By service, of streams that have ended. */
  const dropped = new Map<string, number>();
  const keyOf = (run: RunId, name: string) => `${runKey(run)}:${name}`;
  return {
    captures,
    droppedBytes(service) {
      const own = [...open.values()].filter(({ options }) => options.service === service);
      return own.reduce((sum, { stats }) => sum + stats.droppedBytes, dropped.get(service) ?? 0);
    },
    open(run, { name, fd, spec, onEnd }) {
      const key = keyOf(run, name);
      const capture = captures.capture({
        fd,
        service: run.service,
        slot: run.slot,
        stream: name,
        generation: run.generation,
        limits: spec.log,
        onEnd: () => {
          open.delete(key);
          dropped.set(run.service, (dropped.get(run.service) ?? 0) + capture.stats.droppedBytes);
          onEnd();
        },
        onPressure: (report) => onPressure(run, `${name}: ${describePressure(report)}`),
      });
      open.set(key, capture);
      return streamOf(capture);
    },
    past(run, onLine) {
      const own = { generation: run.generation, lines: pastLinesMax };
      tailLines(serviceDirectory(directory, run.service), run.slot, own).then(
        (lines) => lines.forEach(onLine),
        // Without its files there is nothing to be found in them.
        () => {},
      );
    },
    tail(run) {
      // What went wrong is usually said on stderr.
      const lines = open.get(keyOf(run, "stderr"))?.lastWords() ?? [];
      return lines.length > 0 ? lines : (open.get(keyOf(run, "stdout"))?.lastWords() ?? []);
    },
  };
}

function streamOf(capture: Capture): OutputStream {
  return {
    drain(onDrained) {
      if (capture.closed) return onDrained();
      let isToBeTold = true;
      const tell = () => {
        clearTimeout(timer);
        if (isToBeTold) onDrained();
        isToBeTold = false;
      };
      const timer = setTimeout(tell, drainMs);
      capture.drain(tell);
    },
    end: () => capture.end(),
    watchLines: (onLine) => capture.watchLines(onLine),
    setLimits: (limits) => capture.setLimits(limits),
  };
}

function describePressure({ phase, reason, mode, droppedBytes, droppedLines }: PressureReport): string {
  const what = mode === "drop" ? "its output is being dropped" : "the program waits";
  if (phase === "started") return `cannot be written (${reason}): ${what}`;
  const lost = droppedBytes > 0 ? `, ${droppedLines} lines (${droppedBytes} bytes) were dropped` : "";
  return `can be written again${lost}`;
}

function describeTrimmed({ totalBytes, segments, bytes }: Trimmed): string {
  const files = segments === 1 ? "the oldest rotated file" : `the ${segments} oldest rotated files`;
  return `log files took more than the total of ${totalBytes} bytes: ${files} (${bytes} bytes) were deleted`;
}
