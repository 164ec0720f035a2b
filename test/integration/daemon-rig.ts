/** Runs examples/mydaemon in every way, each in a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../e2e/ports.ts";

const main = join(import.meta.dirname, "../../examples/mydaemon/main.ts");
const preload = join(import.meta.dirname, "daemon-resolve.ts");

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Runs it by way of this shell, which sets `LISTEN_PID`. */
  readonly shell?: string;
  /** Inherited from descriptor 3 on. */
  readonly stdio?: readonly number[];
  /** As PID 1 of a pid namespace of its own. */
  readonly container?: boolean;
}

/** One mydaemon: its directory, ports and processes. What is left of it at the end of the test is killed. */
export class Rig {
  readonly directory = mkdtempSync(join(tmpdir(), "lares-daemon-"));
  readonly ports: { readonly http: number; readonly health: number };
  readonly #children: ChildProcess[] = [];
  readonly #pids = new Set<number>();

  private constructor(ports: { http: number; health: number }) {
    this.ports = ports;
  }

  static async open(context: TestContext, config: Record<string, unknown> = {}): Promise<Rig> {
    const rig = new Rig({ http: await freePort(), health: await freePort() });
    context.after(() => rig.#close());
    rig.configure(config);
    return rig;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  configure(config: Record<string, unknown>): void {
    const ports = { port: this.ports.http, health_port: this.ports.health };
    writeFileSync(this.path("config.json"), JSON.stringify({ ...ports, ...config }));
  }

  /** Starts the program as it is; `line` waits for what it logs. */
  spawn(args: readonly string[] = [], options: SpawnOptions = {}): Running {
    const plain = [options.shell ?? process.execPath, ...this.#argv(args, options.shell)];
    // A pid namespace is what makes the difference; a user namespace lets anybody make one.
    const [file = "", ...argv] = options.container ? ["unshare", "-Urpf", "--mount-proc", ...plain] : plain;
    const child = spawn(file, argv, {
      stdio: ["ignore", "pipe", "pipe", ...(options.stdio ?? [])],
      env: { ...this.#env(), ...options.env },
      cwd: this.directory,
    });
    this.#children.push(child);
    return new Running(child);
  }

  /** For whoever starts it instead of us. */
  commandLine(): string[] {
    return [process.execPath, ...this.#argv([])];
  }

  /** Runs a verb to its end. */
  async verb(...args: string[]): Promise<Outcome> {
    const child = spawn(process.execPath, this.#argv(args), { stdio: ["ignore", "pipe", "pipe"], env: this.#env() });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    const pid = this.pid();
    if (pid) this.#pids.add(pid);
    return { code: child.exitCode, stdout, stderr };
  }

  /** The pid in the PID file. */
  pid(): number | undefined {
    const path = this.path("run/mydaemon.pid");
    return existsSync(path) ? Number(readFileSync(path, "utf8").split("\n")[0]) : undefined;
  }

  async get(path = "/", init: RequestInit = {}): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports.http}${path}`, init)).text();
  }

  async health(path = "/health"): Promise<{ status: number; body: string }> {
    const answer = await fetch(`http://127.0.0.1:${this.ports.health}${path}`);
    return { status: answer.status, body: await answer.text() };
  }

  output(): string {
    return readFileSync(this.path("log/mydaemon.out"), "utf8");
  }

  #argv(args: readonly string[], shell?: string): string[] {
    const program = ["--disable-warning=ExperimentalWarning", "--import", preload, main];
    const all = [...program, ...args, "--config", this.path("config.json")];
    return shell === undefined ? all : ["-c", `LISTEN_PID=$$ exec "$@"`, "sh", process.execPath, ...all];
  }

  #env(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return {
      PATH,
      HOME,
      RUNTIME_DIRECTORY: this.path("run"),
      STATE_DIRECTORY: this.path("state"),
      LOGS_DIRECTORY: this.path("log"),
    };
  }

  async #close(): Promise<void> {
    const pid = this.pid();
    if (pid) this.#pids.add(pid);
    for (const left of this.#pids) kill(left);
    for (const child of this.#children) {
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await once(child, "exit");
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A process under test. */
export class Running {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly #ended: Promise<{ code: number | null; signal: string | null }>;
  #stderr = "";
  #seekers: (() => void)[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    this.#ended = once(child, "exit").then(([code, signal]) => ({ code, signal }));
    child.stderr?.setEncoding("utf8").on("data", (chunk) => {
      this.#stderr += chunk;
    });
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        this.lines.push(line);
        for (const seek of this.#seekers.splice(0)) seek();
      });
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for a logged message; those before `from` do not count. */
  async line(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = this.lines.slice(from).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const next = new Promise<"more">((resolve) => this.#seekers.push(() => resolve("more")));
      if ((await Promise.race([next, this.#ended])) !== "more") {
        throw new Error(`it ended before it logged ${pattern}:\n${this.lines.join("\n")}\n${this.#stderr}`);
      }
    }
  }

  async end(): Promise<{ code: number | null; signal: string | null }> {
    return this.#ended;
  }
}

/** Nothing that a test waits for takes longer, however busy the machine is. */
const waitMs = 100_000;

/** Waits until something is so; for what tells nobody when it happens. */
export async function eventually(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await sleep(10);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    return;
  }
}
