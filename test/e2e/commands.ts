import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { waitMs } from "./eventually.ts";

/** The command under test: that of this checkout, or one that was installed. */
export const lares = process.env.LARES_COMMAND ?? fileURLToPath(new URL("../../bin/lares", import.meta.url));

/** How a command ended, and all that it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it came. */
  readonly bytes: Buffer;
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Another than the one under test. */
  readonly command?: string;
}

export async function run(words: readonly string[], { command = lares, ...options }: CommandOptions): Promise<Outcome> {
  const child = spawn(command, words, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [code] = await once(child, "close");
  const bytes = Buffer.concat(stdout);
  return { code, bytes, stdout: bytes.toString("utf8"), stderr: Buffer.concat(stderr).toString("utf8") };
}

/** A command that goes on printing: `logs -f`, `events -f`. */
export class Following {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #onLine: (() => void) | undefined;

  constructor(words: readonly string[], options: CommandOptions) {
    const child = spawn(lares, words, { ...options, stdio: ["ignore", "pipe", "ignore"] });
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.lines.push(line);
      this.#onLine?.();
    });
    this.#child = child;
    this.#closed = once(child, "close");
  }

  /** The first line that matches, printed already or still to come. */
  async line(pattern: RegExp): Promise<string> {
    for (const deadlineMs = performance.now() + waitMs; ; ) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onLine = resolve;
      const timer = setTimeout(resolve, deadlineMs - performance.now());
      await promise;
      clearTimeout(timer);
      if (performance.now() > deadlineMs) throw new Error(`no line ${pattern} among:\n${this.lines.join("\n")}`);
    }
  }

  async end(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#closed;
  }
}

function collect(stream: NodeJS.ReadableStream): Buffer[] {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}
