/** Load on an HTTP server, and an exact account of what came back. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** What clients saw. */
export interface Traffic {
  requests: number;
  /** One sentence for each request that was not answered with 200. */
  readonly failures: string[];
}

/** Something that keeps asking until it is told to end. */
export interface Load {
  readonly traffic: Traffic;
  end(): Promise<void>;
}

const connections = 4;
/** Each client asks so often that something is always under way, and leaves the machine to others. */
const pauseMs = 8;

/** Clients that keep their connections, and as many that open one for each request. */
export function startLoad(port: number): Load {
  const traffic: Traffic = { requests: 0, failures: [] };
  const ending = new AbortController();
  const clients = Array.from({ length: connections }, (_, index) =>
    client({ port, keepAlive: index % 2 === 0, traffic, signal: ending.signal }),
  );
  return {
    traffic,
    async end() {
      ending.abort();
      await Promise.all(clients);
    },
  };
}

/** The same with wrk, at full speed. */
export function startWrk(port: number): Load {
  const traffic: Traffic = { requests: 0, failures: [] };
  // It would rather end by itself: a day is longer than any trial.
  const options = ["--threads", "1", "--connections", "8", "--duration", "24h"];
  const wrk = spawn("wrk", [...options, `http://127.0.0.1:${port}/`], { stdio: ["ignore", "pipe", "inherit"] });
  let report = "";
  wrk.stdout.setEncoding("utf8").on("data", (text: string) => {
    report += text;
  });
  return {
    traffic,
    async end() {
      const closed = once(wrk, "close");
      wrk.kill("SIGINT");
      await closed;
      traffic.requests = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0);
      traffic.failures.push(...(report.match(/Socket errors:.*|Non-2xx.*/g) ?? []));
    },
  };
}

async function client(how: { port: number; keepAlive: boolean; traffic: Traffic; signal: AbortSignal }): Promise<void> {
  const { port, keepAlive, traffic, signal } = how;
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  while (!signal.aborted) {
    traffic.requests += 1;
    const failure = await ask(port, agent);
    if (failure !== undefined) traffic.failures.push(`${keepAlive ? "kept" : "new"} connection: ${failure}`);
    await sleep(pauseMs);
  }
  agent.destroy();
}

/** @returns what went wrong */
function ask(port: number, agent: Agent): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const request = get({ host: "127.0.0.1", port, agent, timeout: 10_000 }, (response) => {
    response.resume();
    response.on("end", () => resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`));
    response.on("error", (error) => resolve(error.message));
  });
  request.on("timeout", () => request.destroy(new Error("no answer within 10 s")));
  request.on("error", (error) => resolve(error.message));
  return promise;
}
