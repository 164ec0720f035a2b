import { Agent, request } from "node:http";
import { request as requestSecurely, Agent as SecureAgent } from "node:https";
import type { HttpTarget } from "../../core/sink.ts";
import { Refused } from "./sink.ts";
import { tlsOptions } from "./tls.ts";

/** Of an answer, what is shown. */
const WORDS_MAX = 300;

/** Statuses that say that this very batch is at fault, and neither the moment nor the configuration. */
export function isRefusal(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}

/** Posts to one URL, over connections that are kept. */
export class Poster {
  readonly #target: HttpTarget;
  readonly #agent: Agent;

  constructor(target: HttpTarget) {
    this.#target = target;
    const options = { keepAlive: true, ...tlsOptions(target.tls) };
    this.#agent = target.url.startsWith("https:") ? new SecureAgent(options) : new Agent(options);
  }

  /** Resolves with the answer to a status of 2xx. @throws Refused for what would be answered in the same way again */
  post(body: Buffer, signal: AbortSignal): Promise<string> {
    const { url, headers } = this.#target;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const options = {
      method: "POST",
      agent: this.#agent,
      signal,
      headers: { "Content-Type": "application/json", ...headers, "Content-Length": body.length },
    };
    const send = url.startsWith("https:") ? requestSecurely : request;
    const asked = send(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text = (text + part).slice(0, 64 * 1024);
      });
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0 } = response;
        if (status >= 200 && status < 300) resolve(text);
        else reject(answered(status, text));
      });
    });
    asked.on("error", (error) => reject(signal.aborted ? new Error("it took too long") : error));
    asked.end(body);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function answered(status: number, text: string): Error {
  const message = `it answered ${status}: ${text.trim().slice(0, WORDS_MAX)}`;
  return isRefusal(status) ? new Refused(message) : new Error(message);
}
