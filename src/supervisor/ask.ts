import { connect } from "node:net";
import type { RunId } from "../core/effects.ts";
import { assertNever } from "../core/errors.ts";
import type { Holding } from "./holding.ts";
import type { Ask } from "./probes.ts";
import type { Way } from "./questions.ts";

/** How much of an answer is worth repeating. */
const detailMax = 200;

/** How often another port to ask from is tried where one is taken. */
const portsTried = 5;

/** Asks each run itself, also where several listen on one address. @param wayTo how one of them is reached there */
export function askingEach(wayTo: (run: RunId, address: string) => Way): Ask {
  return async (target, options) => {
    if (target.by === "exec") return ask(target, options);
    const address = target.by === "http" ? addressOf(target.url) : target.address;
    for (let tried = 1; ; tried++) {
      using way = wayTo(options.holding.run, address);
      try {
        return await ask(target, { ...options, way });
      } catch (error) {
        const isTaken = way.localPort !== undefined && (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!isTaken || tried >= portsTried) throw error;
      }
    }
  };
}

function addressOf(text: string): string {
  const { hostname, port, protocol } = new URL(text);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

/** Asks a program whether it works, by HTTP, by connecting, or by running a command. */
const ask: Ask = (target, { spec, holding, signal, way = {} }) => {
  switch (target.by) {
    case "http":
      return askHttp(target.url, { signal, way });
    case "tcp":
      return askTcp(target.address, { signal, way });
    case "exec":
      return askCommand(target.command, {
        directory: spec.directory,
        env: { ...spec.env, ...whom(holding) },
        signal,
      });
    default:
      return assertNever(target);
  }
};

/** A command finds its own way to the instance it is asked about. */
function whom({ run, tag, process }: Holding): Record<string, string> {
  const pid = process === undefined ? {} : { LARES_PID: String(process.pid) };
  return { LARES_SERVICE: run.service, LARES_SLOT: String(run.slot), LARES_INSTANCE: tag, ...pid };
}

interface Asking {
  readonly signal: AbortSignal;
  readonly way: { readonly localPort?: number; readonly path?: string };
}

/** 200 to 399 is well; redirects are not followed. */
async function askHttp(url: string, { signal, way }: Asking): Promise<string> {
  const { get } = await import(url.startsWith("https:") ? "node:https" : "node:http");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const request = get(url, { signal, agent: false, headers: { connection: "close" }, ...way });
  request.on("error", reject);
  request.on("response", (response: import("node:http").IncomingMessage) => {
    response.resume();
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 400) resolve(`${url} answered ${status}`);
    else reject(new Error(`${url} answered ${status}`));
  });
  return promise;
}

async function askTcp(address: string, { signal, way }: Asking): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ ...destination(address), signal, ...way });
  socket.on("error", reject);
  socket.on("connect", () => resolve(`${address} accepts connections`));
  return promise.finally(() => socket.destroy());
}

function destination(address: string): { path: string } | { host: string; port: number } {
  if (address.startsWith("unix:")) return { path: address.slice("unix:".length) };
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[|\]$/g, "");
  return { host: host || "127.0.0.1", port: Number(address.slice(at + 1)) };
}

interface CommandContext {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function askCommand(command: readonly string[], { directory, env, signal }: CommandContext): Promise<string> {
  const { spawn } = await import("node:child_process");
  signal.throwIfAborted();
  const [program = "", ...args] = command;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, args, {
    cwd: directory,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] = (said[name] + text).slice(-detailMax);
    });
  }
  const giveUp = () => {
    endGroup(child.pid);
    reject(signal.reason);
  };
  signal.addEventListener("abort", giveUp, { once: true });
  child.on("error", (error) => reject(new Error(`${program} failed: ${error.message}`)));
  child.on("close", (code, killedBy) => {
    const words = (said.stdout || said.stderr).trim();
    if (code === 0) resolve(words || `${program} succeeded`);
    else reject(new Error(`${program} failed: ${words || (killedBy ?? `exited with code ${code}`)}`));
  });
  return promise.finally(() => signal.removeEventListener("abort", giveUp));
}

/** A command that is given up takes with it what it has started: what hangs must not pile up. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}
