import { spawn } from "node:child_process";
import type { SinkSpec } from "../../core/sink.ts";
import type { ForwardedService } from "../../protocol/forward.ts";
import type { Entry } from "../backlog.ts";
import type { Sink } from "./sink.ts";

/** Of what the command says on stderr, what is kept. */
const WORDS_MAX = 500;

/**
 * A command that is run for each batch and reads it as NDJSON, in the form of `lares logs --json`.
 *
 * Status 0, after it has read to the end, says that it has the batch. Anything else, and taking too long, means that the
 * batch comes again. It must end when its standard input does.
 */
export class ExecSink implements Sink {
  readonly #spec: SinkSpec & { readonly by: "exec" };
  readonly #service: ForwardedService;

  constructor(spec: SinkSpec & { readonly by: "exec" }, service: ForwardedService) {
    this.#spec = spec;
    this.#service = service;
  }

  deliver(entries: readonly Entry[], signal: AbortSignal): Promise<undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const { service, directory, env } = this.#service;
    const [program = "", ...args] = this.#spec.command;
    const child = spawn(program, args, {
      cwd: directory,
      env: { PATH: process.env.PATH, ...env, LARES_SERVICE: service, LARES_SINK: this.#spec.name },
      stdio: ["pipe", "ignore", "pipe"],
      // A group of its own, so that all of it can be ended.
      detached: true,
    });
    const kill = () => child.pid !== undefined && killGroup(child.pid);
    signal.addEventListener("abort", kill, { once: true });
    let words = "";
    let unread: Error | undefined;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-WORDS_MAX);
    });
    child.stdin.on("error", (error) => {
      unread = error;
    });
    child.on("error", reject);
    child.on("close", (code, by) => {
      if (signal.aborted) reject(new Error(`it took too long ${words}`.trim()));
      else if (code !== 0) reject(new Error(`it ended with ${by ?? `status ${code}`} ${words}`.trim()));
      else if (unread !== undefined) reject(new Error("it ended before it had read everything"));
      else resolve(undefined);
    });
    child.stdin.end(entries.map(toJson).join(""));
    return promise.finally(() => signal.removeEventListener("abort", kill));
  }

  close(): void {}
}

function toJson({ timeMs, service, slot, stream, text }: Entry): string {
  return `${JSON.stringify({ time: new Date(timeMs).toISOString(), service, slot, stream, line: text })}\n`;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
