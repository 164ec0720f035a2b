import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "../core/draft.ts";
import type { Recorded } from "../core/effects.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { closeFd } from "../os/descriptors.ts";
import { lockFile } from "../os/process-control.ts";
import type { SinkView } from "../protocol/api.ts";
import {
  type ForwardedService,
  type ForwarderCommand,
  type ForwarderReport,
  forwarderLock,
} from "../protocol/forward.ts";

/** The wait before a forwarder that ended is started again, and how far it grows. One that lived longer than that is new. */
const againMs = { first: 100, max: 30_000 };
/** What a question may take. */
const answerMs = 1000;
/** How long the last lines may take to leave when everything is down; what is left then leaves when all is up again. */
const finishMs = 5000;
/** How long a forwarder that is told to end may take, with what it has started. */
const endMs = 5000;
const lockLookMs = 20;
/** What a forwarder needs of our environment. Secrets come over its standard input, which nobody else can read. */
const environment = ["PATH", "HOME", "USER", "LANG", "TZ", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"];

export interface ForwardingOptions {
  /** The forwarder's program, run by this Node. */
  readonly program: string;
  readonly logDirectory: string;
  readonly stateDirectory: string;
  readonly record: (event: Recorded) => void;
}

/**
 * Sends log lines elsewhere, in a process of its own: what a slow sink costs is not paid by this one.
 *
 * The forwarder is there only while a service has a sink. It may die at any time and is started again; it ends when its
 * standard input does, so also when this process dies.
 */
export class Forwarding {
  readonly #options: ForwardingOptions;
  readonly #questions = new Map<number, (sinks: readonly SinkView[]) => void>();
  #wanted: readonly ForwardedService[] = [];
  #child: ChildProcess | undefined;
  #startedMs = 0;
  #againMs = againMs.first;
  #again: NodeJS.Timeout | undefined;
  #asked = 0;
  #finishing: Promise<void> | undefined;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** Makes what is forwarded that of the services there are now. */
  configure({ services }: World): void {
    const wanted = [...services.values()].flatMap(({ spec }) => (spec.log.to ? [forwarded(spec)] : []));
    if (JSON.stringify(wanted) === JSON.stringify(this.#wanted) || this.#finishing !== undefined) return;
    this.#wanted = wanted;
    if (wanted.length === 0) this.close();
    else if (this.#child !== undefined) this.#configure();
    else if (this.#again === undefined) this.#start();
  }

  /** How far the sinks of a service have got. */
  async describe({ name, log }: ServiceSpec): Promise<readonly SinkView[]> {
    if (log.to === undefined) return [];
    const answers = this.#child === undefined ? [] : await this.#ask(name);
    return log.to.map((sink) => answers.find((view) => view.name === sink.name) ?? unknownView(sink));
  }

  /** Everything is down: delivers the last lines, as far as that is soon done, and ends. */
  finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  /** Ends the forwarder. What it has not delivered stays where it is. */
  close(): void {
    clearTimeout(this.#again);
    this.#again = undefined;
    const child = this.#child;
    this.#child = undefined;
    child?.stdin?.end();
  }

  async #finish(): Promise<void> {
    const child = this.#child;
    if (child !== undefined) {
      const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      this.#tell({ tell: "finish" });
      this.#child = undefined;
      // Told first: one that is killed leaves behind the commands that it has started.
      const told = setTimeout(() => child.stdin?.end(), finishMs);
      const killed = setTimeout(() => child.kill("SIGKILL"), finishMs + endMs);
      await exited;
      clearTimeout(told);
      clearTimeout(killed);
    }
    this.close();
    await this.#untilAlone();
  }

  /** One that was told to end before, or whose supervisor died, may still be at its last batch. */
  async #untilAlone(): Promise<void> {
    const lock = join(this.#options.stateDirectory, forwarderLock);
    if (!existsSync(lock)) return;
    for (const deadlineMs = performance.now() + endMs; performance.now() < deadlineMs; await sleep(lockLookMs)) {
      const fd = lockFile(lock);
      if (fd !== undefined) return closeFd(fd);
    }
  }

  #start(): void {
    this.#again = undefined;
    this.#startedMs = performance.now();
    const env = Object.fromEntries(
      environment.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    );
    // A session of its own: what is typed on a terminal is for the supervisor.
    const child = spawn(process.execPath, ["--max-semi-space-size=4", this.#options.program], {
      ...{ cwd: "/", env, detached: true },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = child;
    // That it is gone is told by its exit.
    child.stdin.on("error", () => {});
    createInterface({ input: child.stdout }).on("line", (line) => this.#hear(line));
    child.once("error", ({ message }) => this.#ended(child, message));
    child.once("exit", (code, signal) => this.#ended(child, signal ? `killed by ${signal}` : `exit code ${code}`));
    this.#configure();
  }

  /** One that was told to end is not the present one any more. */
  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const answer of this.#questions.values()) answer([]);
    if (performance.now() - this.#startedMs > againMs.max) this.#againMs = againMs.first;
    const cause = `${how}; started again in ${this.#againMs} ms`;
    this.#options.record({ type: "forwarder_ended", cause });
    this.#again = setTimeout(() => this.#start(), this.#againMs);
    this.#againMs = Math.min(againMs.max, this.#againMs * 2);
  }

  #configure(): void {
    const { logDirectory, stateDirectory } = this.#options;
    this.#tell({ tell: "configure", logDirectory, stateDirectory, services: this.#wanted });
  }

  #tell(command: ForwarderCommand): void {
    this.#child?.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  #hear(line: string): void {
    const report = parse(line);
    if (report === undefined) return;
    if (report.report === "event") this.#options.record({ ...report.event });
    else this.#questions.get(report.id)?.(report.sinks);
  }

  #ask(service: string): Promise<readonly SinkView[]> {
    this.#asked += 1;
    const id = this.#asked;
    const { promise, resolve } = Promise.withResolvers<readonly SinkView[]>();
    const timer = setTimeout(() => resolve([]), answerMs);
    this.#questions.set(id, resolve);
    this.#tell({ tell: "describe", id, service });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#questions.delete(id);
    });
  }
}

function forwarded({ name, log, directory, env }: ServiceSpec): ForwardedService {
  return { service: name, sinks: log.to ?? [], directory, env };
}

/** One that was killed may have been in the middle of a line. */
function parse(line: string): ForwarderReport | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function unknownView({ name, by }: Pick<SinkView, "name" | "by">): SinkView {
  return {
    ...{ name, by, state: "unknown", error: "the process that delivers does not answer", failingSince: null },
    ...{
      deliveredLines: 0,
      deliveredBytes: 0,
      deliveredAt: null,
      lagBytes: 0,
      lagMs: null,
      lostBytes: 0,
      refusedLines: 0,
    },
  };
}
