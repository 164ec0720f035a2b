/** How a daemon is, for the verbs of its command line: a small file beside the PID file. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** The outcome of the latest attempt. */
export interface Attempt {
  /** Counts the attempts. */
  readonly count: number;
  readonly at: string | null;
  readonly error: string | null;
}

export interface DaemonState {
  readonly pid: number;
  readonly version: string | null;
  readonly state: "starting" | "ready" | "reloading" | "upgrading" | "stopping";
  readonly startedAt: string;
  readonly configRevision: number;
  readonly reload: Attempt;
  readonly upgrade: Attempt;
  /** `http 0.0.0.0:8080` */
  readonly listeners: readonly string[];
}

const never: Attempt = { count: 0, at: null, error: null };

/** Replaced as a whole at each change, so that a reader never sees half of it. */
export class StateFile implements Disposable {
  readonly #path: string | undefined;
  #state: DaemonState;
  #ours = true;

  constructor(path: string | undefined, version: string | undefined) {
    this.#path = path;
    this.#state = {
      pid: process.pid,
      version: version ?? null,
      state: "starting",
      startedAt: new Date().toISOString(),
      configRevision: 1,
      reload: never,
      upgrade: never,
      listeners: [],
    };
  }

  get state(): DaemonState {
    return this.#state;
  }

  write(change: Partial<DaemonState>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#path === undefined || !this.#ours) return;
    try {
      const temporary = `${this.#path}.${process.pid}`;
      writeFileSync(temporary, `${JSON.stringify(this.#state)}\n`);
      renameSync(temporary, this.#path);
    } catch {
      // It informs; nothing depends on it.
      return;
    }
  }

  attempted(what: "reload" | "upgrade", error: unknown): void {
    const text = error === undefined ? null : error instanceof Error ? error.message : String(error);
    const attempt = { count: this.#state[what].count + 1, at: new Date().toISOString(), error: text };
    this.write({ [what]: attempt, state: "ready" });
  }

  /** A successor writes it now. */
  handedOver(): void {
    this.#ours = false;
  }

  [Symbol.dispose](): void {
    if (this.#path !== undefined && this.#ours) rmSync(this.#path, { force: true });
    this.#ours = false;
  }
}

/** `NAME.pid` and `NAME.state.json` lie side by side. */
export function statePathOf(pidFile: string): string {
  return `${pidFile.replace(/\.pid$/, "")}.state.json`;
}

export function readState(pidFile: string): DaemonState | undefined {
  try {
    return JSON.parse(readFileSync(statePathOf(pidFile), "utf8"));
  } catch {
    return undefined;
  }
}
