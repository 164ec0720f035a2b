import type { IncomingMessage, ServerResponse } from "node:http";
import type { Supervisor } from "../supervisor/supervisor.ts";

/** One request, taken apart. */
export interface Call {
  readonly supervisor: Supervisor;
  /** What the pattern's named groups matched. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The parsed body of a POST; undefined for a GET. */
  readonly body: unknown;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What is answered with status 200 as JSON; a route that streams answers by itself and gives nothing. */
export type Answer = object | undefined;

export interface Route {
  readonly method: "GET" | "POST";
  /** Matched against the whole path. */
  readonly pattern: RegExp;
  readonly answer: (call: Call) => Answer | Promise<Answer>;
}
