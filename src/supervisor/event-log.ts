import type { Recorded } from "../core/effects.ts";
import type { EventView } from "../protocol/api.ts";
import type { EventFile } from "./event-file.ts";
import type { Stamped } from "./journal-codec.ts";

/** Kept in memory for followers and quick answers. */
const recentMax = 2000;
/** One older file of this size is kept beside the current one. */
const fileBytesMax = 8 * 1024 * 1024;

type Follower = (event: EventView) => void;

/** The wall clock, and a later turn of the event loop. */
export interface EventClock {
  now(): Date;
  soon(act: () => void): void;
}

const realClock: EventClock = { now: () => new Date(), soon: (act) => void setImmediate(act) };

/**
 * What the supervisor saw and decided, numbered without gaps within a home.
 *
 * Events reach the journal with the step they belong to and the file a moment later, many at once; after a death the file
 * is completed from the journal. So none is lost and none is there twice.
 */
export class EventLog {
  readonly #file: EventFile;
  readonly #clock: EventClock;
  readonly #recent: Stamped[] = [];
  readonly #followers = new Set<Follower>();
  #unwritten: Stamped[] = [];
  #seq = 0;
  #bytes = 0;
  #flushComes = false;

  constructor(file: EventFile, clock: EventClock = realClock) {
    this.#file = file;
    this.#clock = clock;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Published and not in the file yet: only the journal has them. */
  get unwritten(): readonly Stamped[] {
    return this.#unwritten;
  }

  /** Takes up where the file ends, adding what only the journal has. */
  recover(journalled: readonly Stamped[]): void {
    const text = this.#file.read();
    const lines = text.split("\n").filter((line) => line !== "");
    for (const line of lines.slice(-recentMax)) this.#remember(parse(line));
    this.#bytes = text.length;
    if (text !== "" && !text.endsWith("\n")) this.#write("\n");
    const missing = journalled.filter(({ seq }) => seq > this.#seq);
    for (const event of missing) this.#remember(event);
    this.#unwritten.push(...missing);
    this.flush();
  }

  /** Numbers and dates events; they become visible with `publish`. */
  stamp(events: readonly Recorded[]): readonly Stamped[] {
    const at = this.#clock.now().toISOString();
    return events.map((event) => {
      this.#seq += 1;
      return { at, seq: this.#seq, ...event };
    });
  }

  publish(events: readonly Stamped[]): void {
    for (const event of events) {
      this.#remember(event);
      for (const follower of this.#followers) follower(event);
    }
    this.#unwritten.push(...events);
    if (this.#unwritten.length === 0 || this.#flushComes) return;
    this.#flushComes = true;
    this.#clock.soon(() => this.flush());
  }

  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Events after a number or from a time on; older ones than memory holds come from the files. */
  since(from: { readonly seq?: number; readonly atMs?: number }): readonly EventView[] {
    const isWanted = (event: Stamped) => {
      return event.seq > (from.seq ?? 0) && (from.atMs === undefined || Date.parse(event.at) >= from.atMs);
    };
    const oldest = this.#recent[0];
    if (oldest === undefined || oldest.seq === 1 || (from.seq ?? 0) >= oldest.seq - 1)
      return this.#recent.filter(isWanted);
    this.flush();
    return [this.#file.readOlder(), this.#file.read()].flatMap((text) =>
      text
        .split("\n")
        .flatMap((line) => parse(line) ?? [])
        .filter(isWanted),
    );
  }

  flush(): void {
    this.#flushComes = false;
    if (this.#unwritten.length === 0) return;
    const written = this.#write(this.#unwritten.map((event) => `${JSON.stringify(event)}\n`).join(""));
    // A full disk loses the oldest that memory no longer holds, and nothing else.
    this.#unwritten = written ? [] : this.#unwritten.slice(-recentMax);
  }

  #remember(event: Stamped | undefined): void {
    if (!event) return;
    this.#seq = Math.max(this.#seq, event.seq);
    this.#recent.push(event);
    if (this.#recent.length > recentMax * 1.5) this.#recent.splice(0, this.#recent.length - recentMax);
  }

  #write(text: string): boolean {
    try {
      if (this.#bytes > fileBytesMax) {
        this.#file.rotate();
        this.#bytes = 0;
      }
      this.#file.append(text);
      this.#bytes += text.length;
      return true;
    } catch {
      return false;
    }
  }
}

function parse(line: string): Stamped | undefined {
  try {
    const event = JSON.parse(line);
    return Number.isSafeInteger(event?.seq) && typeof event.at === "string" ? event : undefined;
  } catch {
    return undefined;
  }
}
