/** A supervisor's API without a supervisor: what it answers is scripted, what it was asked is recorded. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { instance } from "../../src/cli/testing.ts";
import { usablePath } from "../../src/os/socket-address.ts";
import type { ApiError, EventView, ServiceView } from "../../src/protocol/api.ts";

/** Answers of the fake, by `METHOD path` without the query. */
export type Script = Readonly<Record<string, (request: Asked, response: ServerResponse) => unknown>>;

export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the command sent.
  readonly body: any;
}

/** The command under test: its sources, since a bundle may be older than they are. */
export const lares = [process.execPath, fileURLToPath(new URL("../../src/cli/entry.js", import.meta.url))] as const;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home of its own in a temporary directory. */
export class FakeHome implements AsyncDisposable {
  readonly directory: string;
  readonly asked: (Asked & { readonly route: string })[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #script: Script = {};

  constructor(directory: string = mkdtempSync(join(tmpdir(), "lares-cli-"))) {
    this.directory = directory;
  }

  get socket(): string {
    return join(this.directory, "run/lares.sock");
  }

  /** Starts to listen with these answers; unknown routes are 404. */
  async listen(script: Script): Promise<this> {
    this.#script = script;
    mkdirSync(join(this.directory, "run"), { recursive: true });
    const usable = usablePath(this.socket);
    await new Promise<void>((resolve) => this.#server.listen(usable.path, resolve));
    usable.close();
    return this;
  }

  /** Drops every connection and stops listening, as a supervisor that was killed. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Runs one command line against this home. */
  run(...words: string[]): Promise<Outcome> {
    return run([...lares, "--home", this.directory, ...words], { cwd: this.directory });
  }

  /** Starts a command line without waiting for it. */
  start(...words: string[]): ChildProcess {
    const [program, ...start] = lares;
    return spawn(program, [...start, "--home", this.directory, ...words], {
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://lares");
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const route = `${request.method} ${decodeURIComponent(url.pathname)}`;
    const asked = { path: url.pathname, query: url.searchParams, body: text === "" ? undefined : JSON.parse(text) };
    this.asked.push({ ...asked, route });
    const answer =
      this.#script[route] ?? (() => refuse(response, 404, { code: "no_such_service", message: "not scripted" }));
    const body = await answer(asked, response);
    if (body !== undefined) reply(response, 200, body);
  }
}

/** Runs a program to its end. */
export function run(
  [file, ...words]: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      words,
      { ...options, encoding: "utf8", timeout: 100_000, maxBuffer: 2 ** 26 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

export function reply(response: ServerResponse, status: number, body: unknown): undefined {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, status: number, error: ApiError): undefined {
  return reply(response, status, { error });
}

/** Sends events and leaves the stream open, as `follow=1` does. */
export function stream(response: ServerResponse, events: readonly EventView[]): ServerResponse {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  for (const event of events) response.write(`${JSON.stringify(event)}\n`);
  return response;
}

const spec = {
  name: "api",
  command: ["node", "my server.js"],
  instances: 1,
  stop: { signal: "SIGTERM", graceMs: 10_000 },
};

export function service(overrides: Partial<ServiceView> = {}): ServiceView {
  return {
    service: "api",
    desired: "up",
    revision: 7,
    source: "/srv/lares.yaml",
    // A part of a specification is enough: `describe` follows its shape.
    spec: spec as unknown as ServiceView["spec"],
    instances: [instance()],
    lastFailure: {
      slot: 0,
      generation: 2,
      at: "2026-11-22T07:00:00.000Z",
      reason: "killed by SIGKILL",
      exit: { code: null, signal: "SIGKILL", status: "known", at: "2026-11-22T07:00:00.000Z" },
      restarts: 2,
      logTail: ["listening", "out of cheese \u001b[2J"],
    },
    nextRunAt: null,
    logDirectory: "/var/log/lares/api",
    logDroppedBytes: 0,
    listening: [{ name: "http", address: "127.0.0.1:41234" }],
    sinks: [],
    notEnforced: ["memory: no cgroup"],
    waitingFor: [],
    ...overrides,
  };
}
