import { readdirSync } from "node:fs";
import { Changes } from "./changes.ts";
import type { LogLine } from "./log-line.ts";
import { merge } from "./merge.ts";
import { type StreamKey, type StreamName, serviceDirectory } from "./names.ts";
import { positionBefore, positionOfLast, positionSince } from "./positions.ts";
import { listSegments, type Segment } from "./segments.ts";
import { type Position, StreamCursor } from "./stream-cursor.ts";

/** Memory for reading, shared by all streams of one reader. */
const CHUNK_BYTES = 64 * 1024;
/** The first guess of how far back matching lines lie, and by how much it grows. */
const WINDOW_GROWTH = 8;
const TRIM_LINES = 1_000;

export interface ReadOptions {
  /** The log directory of the home. */
  readonly directory: string;
  /** Names; all when absent or empty. */
  readonly services?: readonly string[];
  readonly slots?: readonly number[];
  readonly streams?: readonly StreamName[];
  /** Only what this start of a slot wrote. */
  readonly generation?: number;
  /** Milliseconds since 1970, inclusive. */
  readonly sinceMs?: number;
  /** Milliseconds since 1970, inclusive. Reading ends there: what was read after that, with the clock set back, is left out. */
  readonly untilMs?: number;
  /** Only the last so many of the lines that everything else lets through. */
  readonly lines?: number;
  readonly grep?: RegExp;
  /** Goes on with what is written from then on, without a gap or a repeat. */
  readonly follow?: boolean;
  /** Ends following. */
  readonly signal?: AbortSignal;
}

/**
 * Reads log lines of any services, slots and streams, merged in the order in which they were written, out of all segments,
 * compressed or not. Needs no supervisor. Reading is as slow as its consumer, and nobody waits for it.
 */
export async function* readLogs(options: ReadOptions): AsyncGenerator<LogLine> {
  const reader = new Reader(options);
  try {
    if (options.lines === undefined) yield* reader.available();
    else yield* await reader.last(options.lines);
    if (options.follow === true) yield* reader.follow();
  } finally {
    await reader.close();
  }
}

class Reader {
  readonly #options: ReadOptions;
  readonly #memory = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #changes = new Changes();
  readonly #cursors = new Map<string, StreamCursor>();

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  /** All lines from `sinceMs` on that are there now. */
  async *available(): AsyncGenerator<LogLine> {
    await this.#addCursors((segments) => this.#since(segments));
    yield* this.#wanted();
  }

  /** The last `count` wanted lines. Goes further and further back until every stream could have given all of them. */
  async last(count: number): Promise<LogLine[]> {
    for (let window = count; ; window = (window + 1) * WINDOW_GROWTH) {
      await this.#closeCursors();
      const cut = await this.#addCursors((segments) => this.#startOfLast(segments, window));
      const lines: LogLine[] = [];
      const perStream = new Map<string, number>();
      for await (const line of this.#wanted()) {
        lines.push(line);
        // Not one by one: that would move all the others each time.
        if (lines.length >= 2 * count + TRIM_LINES) lines.splice(0, lines.length - count);
        const key = keyOf(line.service, line);
        perStream.set(key, (perStream.get(key) ?? 0) + 1);
      }
      if (cut.every((key) => (perStream.get(key) ?? 0) >= count)) return lines.slice(Math.max(0, lines.length - count));
    }
  }

  /** What is written from now on, until the signal. */
  async *follow(): AsyncGenerator<LogLine> {
    const { directory, signal } = this.#options;
    while (signal?.aborted !== true) {
      // Watching comes before looking: what happens in between is looked at again.
      this.#changes.add(directory);
      for (const service of this.#services()) this.#changes.add(serviceDirectory(directory, service));
      await this.#addCursors(() => undefined);
      yield* this.#wanted();
      await this.#changes.next(signal);
    }
  }

  async close(): Promise<void> {
    this.#changes.close();
    await this.#closeCursors();
  }

  async *#wanted(): AsyncGenerator<LogLine> {
    const { sinceMs = -Infinity, untilMs = Infinity, generation, grep } = this.#options;
    for await (const { line, order } of merge(this.#cursors.values())) {
      if (order >= (untilMs + 1) * 1000) return;
      if (line.timeMs < sinceMs || line.timeMs > untilMs) continue;
      if (generation !== undefined && line.generation !== generation) continue;
      if (grep === undefined || line.text.search(grep) >= 0) yield line;
    }
  }

  /**
   * Begins with the streams that are not being read yet.
   *
   * @param startOf undefined: at the beginning
   * @returns the keys of those that do not begin at the beginning
   */
  async #addCursors(startOf: (segments: Segment[]) => Cut | Promise<Cut>): Promise<string[]> {
    const cut: string[] = [];
    for (const service of this.#services()) {
      const directory = serviceDirectory(this.#options.directory, service);
      const wanted = listSegments(directory).filter((segment) => this.#wants(segment));
      for (const [key, listed] of Map.groupBy(wanted, (segment) => keyOf(service, segment))) {
        const [first] = listed;
        if (first === undefined || this.#cursors.has(key)) continue;
        const of = { service, directory, key: { slot: first.slot, stream: first.stream } };
        const { segments, start } = await whileFilesMove(of, { segments: listed, startOf });
        if (start?.isCut === true) cut.push(key);
        const options = { memory: this.#memory, start: start?.position, follow: this.#options.follow ?? false };
        this.#cursors.set(key, new StreamCursor({ ...of, ...options, segments }));
      }
    }
    return cut;
  }

  #since(segments: Segment[]): Cut {
    const { sinceMs } = this.#options;
    const position = sinceMs === undefined ? undefined : positionSince(segments, sinceMs);
    return position && { position, isCut: false };
  }

  async #startOfLast(segments: Segment[], window: number): Promise<Cut> {
    const since = this.#since(segments);
    const recent = since === undefined ? segments : segments.slice(segments.indexOf(since.position.segment));
    const { untilMs } = this.#options;
    const end = untilMs === undefined ? undefined : positionBefore(recent, untilMs + 1);
    const last = await positionOfLast(recent, { lines: window, end });
    if (last === undefined) return since;
    const sinceIsLater = since?.position.segment === last.segment && since.position.offset >= last.offset;
    return sinceIsLater ? since : { position: last, isCut: true };
  }

  #services(): string[] {
    const { services = [], directory } = this.#options;
    if (services.length > 0) return [...services];
    try {
      const entries = readdirSync(directory, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    } catch {
      return [];
    }
  }

  #wants({ slot, stream }: Segment): boolean {
    const { slots = [], streams = [] } = this.#options;
    return (slots.length === 0 || slots.includes(slot)) && (streams.length === 0 || streams.includes(stream));
  }

  async #closeCursors(): Promise<void> {
    for (const cursor of this.#cursors.values()) await cursor.close();
    this.#cursors.clear();
  }
}

/** Where a stream is begun, and whether lines that may be wanted lie before it. */
type Cut = { readonly position: Position; readonly isCut: boolean } | undefined;

function keyOf(service: string, { slot, stream }: StreamKey): string {
  return `${service}/${slot}/${stream}`;
}

/** Lists the segments again when a file was renamed, compressed or deleted before it was opened. */
async function whileFilesMove(
  { directory, key }: { readonly directory: string; readonly key: StreamKey },
  {
    segments,
    startOf,
  }: { readonly segments: Segment[]; readonly startOf: (segments: Segment[]) => Cut | Promise<Cut> },
): Promise<{ readonly segments: Segment[]; readonly start: Cut }> {
  let listed = segments;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return { segments: listed, start: await startOf(listed) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === 10) throw error;
      listed = listSegments(directory, key);
    }
  }
}
