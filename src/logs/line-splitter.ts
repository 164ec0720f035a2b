import { StringDecoder } from "node:string_decoder";

/** The longest line that is put together for a listener; of a longer one the beginning is seen. */
const LINE_BYTES_MAX = 64 * 1024;
const NEWLINE = 0x0a;

/** Makes lines out of chunks in bounded memory, for those who wait for a pattern in the output. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #decoder = new StringDecoder("utf8");
  #text = "";
  #bytes = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes the next bytes of the stream, and calls back for each line they end. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#finish();
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    const fits = part.subarray(0, LINE_BYTES_MAX - this.#bytes);
    this.#text += this.#decoder.write(fits);
    this.#bytes += fits.length;
  }

  #finish(): void {
    const line = this.#text + this.#decoder.end();
    this.#decoder = new StringDecoder("utf8");
    this.#text = "";
    this.#bytes = 0;
    this.#onLine(line);
  }
}

/** Those who wait for lines of a stream. */
export class LineWatchers {
  readonly #splitters = new Set<LineSplitter>();

  get size(): number {
    return this.#splitters.size;
  }

  /** @returns what ends it */
  add(onLine: (line: string) => void): () => void {
    const splitter = new LineSplitter(onLine);
    this.#splitters.add(splitter);
    return () => this.#splitters.delete(splitter);
  }

  push(bytes: Buffer): void {
    for (const splitter of this.#splitters) splitter.push(bytes);
  }
}
