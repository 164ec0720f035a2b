/**
 * Reads one HTTP/1.1 response from the bytes of a connection.
 *
 * `node:http` as an ES module costs more than everything else in `lares ls` together (see docs/adr), and a client of one
 * known server on a unix socket needs only this much of the protocol.
 */
export class ResponseParser {
  status = 0;
  /** Whether the whole response has been seen. */
  done = false;
  #pending: Buffer = Buffer.alloc(0);
  #phase: "head" | "chunk size" | "chunk end" | "trailer" | "body" = "head";
  /** Bytes still due in this body or chunk; infinite for a body that ends with the connection. */
  #due = 0;
  #chunked = false;

  /** Takes the next bytes and returns the parts of the body they held. */
  feed(bytes: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const parts: Buffer[] = [];
    while (!this.done && this.#step(parts));
    return parts;
  }

  /** Tells that the connection has ended. Only a body without a length may end this way. */
  end(): void {
    if (this.#phase === "body" && this.#due === Number.POSITIVE_INFINITY) this.done = true;
  }

  /** Whether status and headers are complete. */
  get hasHead(): boolean {
    return this.#phase !== "head";
  }

  /** Returns false when more bytes are needed. */
  #step(parts: Buffer[]): boolean {
    if (this.#phase === "body") return this.#body(parts);
    if (this.#phase === "head") return this.#head();
    const line = this.#line();
    if (line === undefined) return false;
    if (this.#phase === "chunk size") this.#chunkSize(line);
    else if (this.#phase === "chunk end") this.#endChunk(line);
    else if (line === "") this.done = true;
    return true;
  }

  #head(): boolean {
    const end = this.#pending.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [statusLine = "", ...headers] = this.#pending.toString("latin1", 0, end).split("\r\n");
    this.#pending = this.#pending.subarray(end + 4);
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
    if (status === undefined) throw new SyntaxError(`not an HTTP response: "${statusLine.slice(0, 80)}"`);
    this.status = Number(status);
    // An interim response (100 Continue) is followed by the real one.
    if (this.status >= 200) this.#frame(headers);
    return true;
  }

  #frame(headers: readonly string[]): void {
    const lower = headers.map((header) => header.toLowerCase());
    const length = lower.find((header) => header.startsWith("content-length:"))?.slice(15);
    this.#chunked = lower.some((header) => header.startsWith("transfer-encoding:") && header.endsWith("chunked"));
    this.#phase = this.#chunked ? "chunk size" : "body";
    this.#due = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
    this.done = !this.#chunked && (this.#due === 0 || this.status === 204);
  }

  #chunkSize(line: string): void {
    this.#due = Number.parseInt(line, 16);
    if (!(this.#due >= 0)) throw new SyntaxError(`not a chunk size: "${line.slice(0, 80)}"`);
    this.#phase = this.#due === 0 ? "trailer" : "body";
  }

  #endChunk(line: string): void {
    if (line !== "") throw new SyntaxError("a chunk is longer than it says");
    this.#phase = "chunk size";
  }

  #body(parts: Buffer[]): boolean {
    if (this.#pending.length === 0) return false;
    const part = this.#pending.subarray(0, this.#due);
    parts.push(part);
    this.#pending = this.#pending.subarray(part.length);
    this.#due -= part.length;
    if (this.#due === 0 && this.#chunked) this.#phase = "chunk end";
    else if (this.#due === 0) this.done = true;
    return true;
  }

  #line(): string | undefined {
    const end = this.#pending.indexOf("\r\n");
    if (end < 0) return undefined;
    const line = this.#pending.toString("latin1", 0, end);
    this.#pending = this.#pending.subarray(end + 2);
    return line;
  }
}
