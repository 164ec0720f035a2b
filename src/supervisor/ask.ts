import { connect } from "node:net";
import { assertNever } from "../core/errors.ts";
import type { Holding } from "./holding.ts";
import type { Ask } from "./probes.ts";

/** How much of an answer is worth repeating. */
const detailMax = 200;

/** Asks a program whether it works, by HTTP, by connecting, or by running a command. */
export const ask: Ask = (target, { spec, holding, signal }) => {
  switch (target.by) {
    case "http":
      return askHttp(target.url, signal);
    case "tcp":
      return askTcp(target.address, signal);
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

/** An address is shared by all who accept there; a command is told which instance it is asked about. */
function whom({ run, tag, process }: Holding): Record<string, string> {
  const pid = process === undefined ? {} : { LARES_PID: String(process.pid) };
  return { LARES_SERVICE: run.service, LARES_SLOT: String(run.slot), LARES_INSTANCE: tag, ...pid };
}

/** 200 to 399 is well; redirects are not followed. */
async function askHttp(url: string, signal: AbortSignal): Promise<string> {
  const { get } = await import(url.startsWith("https:") ? "node:https" : "node:http");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const request = get(url, { signal, agent: false, headers: { connection: "close" } });
  request.on("error", reject);
  request.on("response", (response: import("node:http").IncomingMessage) => {
    response.resume();
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 400) resolve(`${url} answered ${status}`);
    else reject(new Error(`${url} answered ${status}`));
  });
  return promise;
}

async function askTcp(address: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ ...destination(address), signal });
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
  const { execFile } = await import("node:child_process");
  const [program = "", ...args] = command;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = {
    cwd: directory,
    env: { PATH: process.env.PATH, ...env },
    signal,
    killSignal: "SIGKILL" as const,
    maxBuffer: 64 * 1024,
  };
  execFile(program, args, options, (error, stdout, stderr) => {
    const said = (stdout || stderr).trim().slice(-detailMax);
    if (error) reject(new Error(`${program} failed: ${said || error.message}`));
    else resolve(said || `${program} succeeded`);
  });
  return promise;
}
