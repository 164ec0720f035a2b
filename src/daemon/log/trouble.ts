/** What keeps a log from being written, and what it costs: said when it begins, and when it is over. */

export interface LogTrouble {
  readonly kind: "failing" | "recovered";
  /** `ENOSPC`, for example; `buffer full` when the disk is only slow. */
  readonly reason: string;
  /** Lines dropped so far in this trouble. */
  readonly dropped: number;
}

/** Counts what is dropped, and tells of each trouble twice, however long it lasts. */
export class TroubleTeller {
  #reason: string | undefined;
  #dropped = 0;
  #droppedTotal = 0;
  readonly #tell: (trouble: LogTrouble) => void;

  constructor(tell: (trouble: LogTrouble) => void = () => {}) {
    this.#tell = tell;
  }

  /** Lines dropped since the start. */
  get droppedTotal(): number {
    return this.#droppedTotal;
  }

  /** Lines dropped since the trouble began. */
  get dropped(): number {
    return this.#dropped;
  }

  failing(error: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = (error as NodeJS.ErrnoException).code ?? String(error);
    this.#tell({ kind: "failing", reason: this.#reason, dropped: this.#dropped });
  }

  /** A line was given up for want of room. */
  drop(): void {
    this.#dropped += 1;
    this.#droppedTotal += 1;
    this.failing("buffer full");
  }

  recovered(): void {
    if (this.#reason === undefined) return;
    const trouble = { kind: "recovered", reason: this.#reason, dropped: this.#dropped } as const;
    this.#reason = undefined;
    this.#dropped = 0;
    this.#tell(trouble);
  }
}
