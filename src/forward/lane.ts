import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SinkSpec } from "../core/sink.ts";
import { Changes } from "../logs/changes.ts";
import { serviceDirectory } from "../logs/names.ts";
import type { SinkView } from "../protocol/api.ts";
import type { ForwardEvent, ForwardedService } from "../protocol/forward.ts";
import { Backlog, type Batch, type Entry } from "./backlog.ts";
import { waitAfter } from "./backoff.ts";
import { type Bookmark, blankBookmark, readBookmark, writeBookmark } from "./bookmark.ts";
import { lagOf } from "./lag.ts";
import type { Permits } from "./permits.ts";
import { openSink } from "./sinks/open-sink.ts";
import { Refused, type Sink } from "./sinks/sink.ts";

export interface LaneOptions {
  readonly service: ForwardedService;
  readonly sink: SinkSpec;
  readonly logDirectory: string;
  /** Of the service. */
  readonly stateDirectory: string;
  /** A batch is in memory only while one of these is held. */
  readonly permits: Permits;
  readonly say: (event: Pick<ForwardEvent, "type" | "cause" | "lostBytes">) => void;
}

/**
 * The way from the files of one service to one sink.
 *
 * Read, deliver, save the place; one batch at a time. A batch that failed is forgotten and read again, so a sink that is down
 * costs no memory. Whatever ends this process, the place saved last is that of a batch that was delivered.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #path: string;
  #backlog: Backlog | undefined;
  readonly #stopping = new AbortController();
  #bookmark: Bookmark = blankBookmark;
  #sink: Sink | undefined;
  #failing: { readonly sinceMs: number; failures: number; error: string } | undefined;
  #finishing = false;
  /** Why lines of the present batch were refused. */
  #refusal = "";
  #attempt = new AbortController();
  readonly #changes = new Changes();
  /** Resolves when it has stopped. */
  readonly ended: Promise<void>;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#path = join(options.stateDirectory, `${options.sink.name}.json`);
    this.ended = this.#run();
  }

  /** Ends it after the batch under way, also where it was to finish: there is no time left for that. */
  stop(): void {
    this.#finishing = false;
    this.#stopping.abort();
  }

  /** Ends it as soon as nothing is left, or nothing can be delivered. */
  finish(): void {
    this.#finishing = true;
    this.#stopping.abort();
  }

  /** Gives up the delivery under way. */
  abandon(): void {
    this.#attempt.abort();
  }

  view(nowMs: number): SinkView {
    const { deliveredAtMs, streams: _, lares: __, ...counts } = this.#bookmark;
    const lag = lagOf(this.#logs, this.#bookmark.streams);
    return {
      name: this.#options.sink.name,
      by: this.#options.sink.by,
      state: this.#failing ? "failing" : "delivering",
      ...counts,
      deliveredAt: isoOrNull(deliveredAtMs),
      lagBytes: lag.bytes,
      lagMs: lag.sinceMs === undefined ? null : Math.max(0, Math.round(nowMs - lag.sinceMs)),
      error: this.#failing?.error ?? null,
      failingSince: isoOrNull(this.#failing?.sinceMs ?? null),
    };
  }

  get #logs(): string {
    return serviceDirectory(this.#options.logDirectory, this.#options.service.service);
  }

  async #run(): Promise<void> {
    const { permits } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted || this.#finishing) {
      // Both before looking: what comes in between is looked at again.
      const isLast = this.#finishing;
      this.#changes.add(this.#logs);
      const outcome = await permits.while(() => this.#deliverNext());
      if (isLast && outcome !== "more") break;
      if (outcome === "failed") await pause(waitAfter(this.#failing?.failures ?? 1), signal);
      if (outcome === "idle") {
        await this.#changes.next(signal);
        await pause(this.#options.sink.delayMs, signal);
      }
    }
    this.#changes.close();
    this.#closeSink();
    await this.#backlog?.rewind();
  }

  /** @returns whether there may be more at once, nothing more now, or a failure after which to wait */
  async #deliverNext(): Promise<"more" | "idle" | "failed"> {
    try {
      this.#attempt = new AbortController();
      this.#backlog ??= this.#open();
      const batch = await this.#backlog.read();
      const refused = batch.entries.length === 0 ? 0 : await this.#deliver(batch.entries);
      this.#settle(batch, { backlog: this.#backlog, refused });
      return batch.isFull ? "more" : "idle";
    } catch (error) {
      this.#fail(error as Error);
      await this.#backlog?.rewind();
      return "failed";
    }
  }

  /** Takes up the saved place, or makes one. */
  #open(): Backlog {
    const { service, sink, logDirectory, say } = this.#options;
    const found = readBookmark(this.#path);
    if (found === "damaged") {
      const cause = "its saved place could not be read; it begins again with all that is stored";
      say({ type: "forward_gap", cause, lostBytes: null });
    } else if (found !== undefined) this.#bookmark = found;
    const backlog = new Backlog({ logDirectory, service: service.service, marks: this.#bookmark.streams });
    if (found === undefined && sink.from === "now") backlog.skipStored();
    if (found === undefined) this.#save(backlog, { lines: 0, bytes: 0 });
    return backlog;
  }

  /**
   * Delivers all that the other side will have. What is refused is divided until the lines in question stand alone, so that
   * they do not hold up the others.
   *
   * @returns how many were refused
   */
  async #deliver(entries: readonly Entry[]): Promise<number> {
    const { service, sink } = this.#options;
    this.#sink ??= await openSink(sink, service);
    const timer = setTimeout(() => this.abandon(), sink.timeoutMs);
    try {
      const partial = await this.#sink.deliver(entries, this.#attempt.signal);
      this.#refusal = partial?.reason ?? this.#refusal;
      return partial?.lines ?? 0;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#refusal = error.message;
    } finally {
      clearTimeout(timer);
    }
    if (entries.length === 1) return 1;
    const half = entries.length >>> 1;
    return (await this.#deliver(entries.slice(0, half))) + (await this.#deliver(entries.slice(half)));
  }

  #settle(
    { entries, bytes, marks, lostBytes }: Batch,
    { backlog, refused }: { readonly backlog: Backlog; readonly refused: number },
  ): void {
    const hasMoved = Object.entries(marks).some(([name, mark]) => mark !== backlog.marks[name]);
    backlog.commit(marks);
    if (lostBytes !== 0) this.#tellLoss(lostBytes);
    if (refused > 0) this.#tellRefusal(refused);
    if (hasMoved) this.#save(backlog, { lines: entries.length - refused, bytes });
    if (this.#failing !== undefined) this.#recover(this.#failing);
  }

  #tellRefusal(lines: number): void {
    this.#bookmark = { ...this.#bookmark, refusedLines: this.#bookmark.refusedLines + lines };
    this.#options.say({ type: "forward_refused", cause: `${lines} lines were refused: ${this.#refusal}` });
  }

  #tellLoss(lostBytes: number | null): void {
    const amount = lostBytes === null ? "an unknown number of bytes" : `${lostBytes} bytes`;
    const cause = `${amount} were deleted or cut off before they could be delivered`;
    this.#options.say({ type: "forward_gap", cause, lostBytes });
    this.#bookmark = { ...this.#bookmark, lostBytes: this.#bookmark.lostBytes + (lostBytes ?? 0) };
  }

  #save(backlog: Backlog, { lines, bytes }: { readonly lines: number; readonly bytes: number }): void {
    const { deliveredLines, deliveredBytes, deliveredAtMs } = this.#bookmark;
    this.#bookmark = {
      ...this.#bookmark,
      streams: backlog.marks,
      deliveredLines: deliveredLines + lines,
      deliveredBytes: deliveredBytes + bytes,
      deliveredAtMs: lines > 0 ? Date.now() : deliveredAtMs,
    };
    writeBookmark(this.#path, this.#bookmark);
  }

  #fail(error: Error): void {
    this.#closeSink();
    if (this.#failing !== undefined) {
      this.#failing = { ...this.#failing, failures: this.#failing.failures + 1, error: error.message };
      return;
    }
    this.#failing = { sinceMs: Date.now(), failures: 1, error: error.message };
    this.#options.say({ type: "forward_failed", cause: error.message });
  }

  #recover({ sinceMs, failures }: { readonly sinceMs: number; readonly failures: number }): void {
    this.#failing = undefined;
    const seconds = ((Date.now() - sinceMs) / 1000).toFixed(1);
    this.#options.say({
      type: "forward_recovered",
      cause: `delivers again after ${failures} failures in ${seconds} s`,
    });
  }

  #closeSink(): void {
    this.#sink?.close();
    this.#sink = undefined;
  }
}

/** Waits, but not beyond the end. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => {});
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
