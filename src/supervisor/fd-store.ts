/**
 * Descriptors that outlive the supervisor: parked in the queue of a SOCK_SEQPACKET pair that the keeper inherited.
 *
 * The kernel holds what is in the queue for as long as the keeper lives; no code runs for it. Each message names its
 * descriptors. A queue can only be read from its head, so what is no longer needed is not taken out: it is dropped when the
 * whole is written anew. New is always parked before old is dropped: a supervisor that dies in between leaves a duplicate,
 * told apart by the sequence number, never a gap.
 */
export interface StoreSocket {
  /** False when the queue is full. */
  send(data: Buffer, fds: readonly number[]): boolean;
  /** The message at the head, which stays there if only looked at; undefined when there is none. */
  receive(options: { readonly peek: boolean }): { readonly data: Buffer; readonly fds: readonly number[] } | undefined;
  close(fd: number): void;
}

interface Label {
  readonly seq: number;
  readonly keys: readonly string[];
  /** What was noted of some of them. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** What is parked: a descriptor under its key, and what the next supervisor should know of it. */
export type Parked = readonly [key: string, fd: number, note?: string];

/** The kernel allows 253 descriptors in a message (SCM_MAX_FD). */
const fdsMax = 250;
/** Well below the 278 messages of a default send buffer, so that a rewrite always has room. */
const messagesMax = 96;

export class FdStore {
  readonly #socket: StoreSocket;
  readonly #messagesMax: number;
  /** Our own descriptors of what is parked. */
  readonly #parked = new Map<string, number>();
  readonly #notes = new Map<string, string>();
  #messages = 0;
  #seq = 0;

  constructor(socket: StoreSocket, limits: { readonly messagesMax: number } = { messagesMax }) {
    this.#socket = socket;
    this.#messagesMax = limits.messagesMax;
  }

  /**
   * Reads everything back after a restart.
   *
   * @returns Own descriptors by key; where a key was parked more than once, the latest. What the caller does not want it
   *   closes and forgets.
   */
  recover(): ReadonlyMap<string, number> {
    const seqs = new Map<string, number>();
    // Every message is sent again behind the others before it is taken from the front.
    const mark = `${process.pid}-${process.hrtime.bigint()}`;
    let head = this.#socket.receive({ peek: true });
    for (; head && !isMarked(head.data, mark); head = this.#socket.receive({ peek: true })) {
      const outdated = this.#keepLatest(head, seqs);
      const copied = this.#copyToTail(head, mark);
      this.#drop(1);
      if (!copied) this.#copyToTail(head, mark);
      this.#close(outdated);
    }
    this.#close(head?.fds ?? []);
    return this.#parked;
  }

  /** What was noted when this was parked. */
  noteOf(key: string): string | undefined {
    return this.#notes.get(key);
  }

  /** Parks descriptors under their keys; false when the store has no room, and nothing of it survives a restart. */
  park(entries: Iterable<Parked>): boolean {
    const fresh = [...entries];
    for (const [key, fd, note] of fresh) {
      this.#parked.set(key, fd);
      if (note !== undefined) this.#notes.set(key, note);
    }
    if (this.#messages >= this.#messagesMax) return this.rewrite();
    return this.#send(fresh) || this.rewrite();
  }

  /** Gives up keys; their descriptors stay open here until the caller closes them. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#parked.delete(key);
      this.#notes.delete(key);
    }
  }

  /** Writes the whole anew and drops what was there; false when it does not fit. */
  rewrite(): boolean {
    const old = this.#messages;
    if (!this.#send([...this.#parked])) return false;
    this.#drop(old);
    this.#messages -= old;
    return true;
  }

  #send(entries: readonly Parked[]): boolean {
    for (let at = 0; at < entries.length; at += fdsMax) {
      const part = entries.slice(at, at + fdsMax);
      this.#seq += 1;
      const keys = part.map(([key]) => key);
      const notes = Object.fromEntries(keys.flatMap((key) => [[key, this.#notes.get(key)]].filter(([, note]) => note)));
      const label: Label = { seq: this.#seq, keys, notes };
      const sent = this.#socket.send(
        Buffer.from(JSON.stringify(label)),
        part.map(([, fd]) => fd),
      );
      if (!sent) return false;
      this.#messages += 1;
    }
    return true;
  }

  /** False when there is no room for the copy; an unreadable message has none. */
  #copyToTail({ data, fds }: { readonly data: Buffer; readonly fds: readonly number[] }, mark: string): boolean {
    const label = readLabel(data);
    if (!label) return true;
    if (!this.#socket.send(Buffer.from(JSON.stringify({ ...label, mark })), fds)) return false;
    this.#messages += 1;
    return true;
  }

  #drop(count: number): void {
    for (let i = 0; i < count; i += 1) this.#close(this.#socket.receive({ peek: false })?.fds ?? []);
  }

  #close(fds: readonly number[]): void {
    for (const fd of fds) this.#socket.close(fd);
  }

  /** @returns what is not needed, once the message has been copied */
  #keepLatest(message: { readonly data: Buffer; readonly fds: readonly number[] }, seqs: Map<string, number>) {
    const label = readLabel(message.data);
    this.#seq = Math.max(this.#seq, label?.seq ?? 0);
    const outdated: number[] = [];
    message.fds.forEach((fd, index) => {
      const key = label?.keys[index];
      if (label === undefined || key === undefined || (seqs.get(key) ?? 0) > label.seq) {
        outdated.push(fd);
        return;
      }
      const older = this.#parked.get(key);
      if (older !== undefined) outdated.push(older);
      seqs.set(key, label.seq);
      const note = label.notes?.[key];
      if (note !== undefined) this.#notes.set(key, note);
      this.#parked.set(key, fd);
    });
    return outdated;
  }
}

function readLabel(data: Buffer): Label | undefined {
  try {
    const label = JSON.parse(data.toString("utf8"));
    return Number.isSafeInteger(label?.seq) && Array.isArray(label?.keys)
      ? { seq: label.seq, keys: label.keys, notes: label.notes ?? {} }
      : undefined;
  } catch {
    return undefined;
  }
}

function isMarked(data: Buffer, mark: string): boolean {
  return data.includes(mark);
}
