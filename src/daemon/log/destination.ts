/** Where the lines of a logger go. */
export interface Destination {
  /** Lines given up because the buffer was full. */
  readonly dropped: number;
  /** @param line With its newline. */
  write(line: string): void;
  /** Resolves when everything so far is written, or cannot be for now. */
  flush(): Promise<void>;
  /** Writes what it can before it returns. @returns the number of bytes that could not be written. */
  flushSync(): number;
  /** Opens the file at its path again. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}
