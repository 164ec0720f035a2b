import type { IncomingMessage, ServerResponse } from "node:http";
import type { SchemaName } from "../protocol/api-schemas.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { Access } from "./access.ts";

/** One request, taken apart. */
export interface Call {
  readonly supervisor: Supervisor;
  /** What stands in the path where the route has `{name}`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The parsed body of a POST; undefined for a GET. */
  readonly body: unknown;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What is answered with status 200 as JSON; a route that streams answers by itself and gives nothing. */
export type Answer = object | undefined;

/** One line of the table: what is served, to whom, and what the OpenAPI document says of it. */
export interface Route {
  readonly method: "GET" | "POST";
  /** With `{name}` for a segment that varies. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** What each parameter means; those that are not in the path are in the query, and optional. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly takes?: SchemaName;
  readonly gives: SchemaName;
  /** A JSON array of what it gives, or a stream with one on each line; otherwise it gives one. */
  readonly many?: "list" | "stream";
  readonly answer: (call: Call) => Answer | Promise<Answer>;
}

/**
 * Finds who answers.
 *
 * @param path of the request, without its query
 * @returns the route and the still encoded segments that its path leaves open
 */
export function findRoute(
  routes: readonly Route[],
  { method, path }: { readonly method: string | undefined; readonly path: string },
): { readonly route: Route; readonly parameters: Readonly<Record<string, string>> } | undefined {
  for (const route of routes) {
    const parameters = route.method === method ? match(route.path, path) : undefined;
    if (parameters) return { route, parameters };
  }
  return undefined;
}

function match(template: string, path: string): Record<string, string> | undefined {
  const given = path.split("/");
  const parameters: Record<string, string> = {};
  const wanted = template.split("/");
  const fits = wanted.every((segment, index) => {
    const [, name] = /^\{(\w+)\}$/.exec(segment) ?? [];
    if (name === undefined) return segment === given[index];
    parameters[name] = given[index] ?? "";
    return parameters[name] !== "";
  });
  return fits && wanted.length === given.length ? parameters : undefined;
}
