import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type ErrorCode, LaresError } from "../core/errors.ts";
import type { ApiError } from "../protocol/api.ts";
import { listenPrivately } from "../supervisor/private-socket.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { accessRules } from "./access.ts";
import { findRoute, type Route } from "./route.ts";
import { routes } from "./routes.ts";

const bodyBytesMax = 32 * 1024 * 1024;
/** A client that sends half a request is not waited for. */
const requestTimeoutMs = 10_000;

const statuses: Partial<Record<ErrorCode, number>> = {
  usage: 400,
  protocol: 400,
  invalid_configuration: 400,
  not_permitted: 403,
  no_such_service: 404,
  busy: 409,
};

/** Serves the API on the home's socket. Returns a function that ends it. */
export function serveApi(supervisor: Supervisor, path: string): Promise<() => void> {
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
    (request, response) => {
      void handle(supervisor, request, response);
    },
  );
  server.on("connection", (socket) => {
    socket.on("error", () => socket.destroy());
  });
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  });
  return listenPrivately(server, path);
}

async function handle(supervisor: Supervisor, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "http://lares");
    const found = findRoute(routes, { method: request.method, path: url.pathname });
    if (!found) throw new LaresError("usage", `Cannot ${request.method} "${url.pathname}": there is no such thing`);
    const { route } = found;
    if (!accessRules[route.access].allows(request.socket)) throw refusal(route);
    const parameters = decoded(found.parameters);
    const body = request.method === "POST" ? await readBody(request) : undefined;
    const answer = await route.answer({ supervisor, parameters, query: url.searchParams, body, request, response });
    if (answer !== undefined) send(response, 200, answer);
  } catch (error) {
    fail(response, error);
  }
}

function refusal({ method, path, access }: Route): LaresError {
  return new LaresError("not_permitted", `Cannot ${method} "${path}": it is for its ${access} only`, {
    hint: "Run the command as the supervisor's own user, or as root.",
  });
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > bodyBytesMax)
      throw new LaresError("protocol", `Cannot read the request: it exceeds ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    throw new LaresError("protocol", "Cannot read the request: its body is no JSON", { cause });
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const known = error instanceof LaresError;
  // Anything else is a fault of ours: the answer says so, and the supervisor goes on.
  if (!known) process.stderr.write(`${new Date().toISOString()} ${error instanceof Error ? error.stack : error}\n`);
  const body: ApiError = {
    code: known ? error.code : "operation_failed",
    message: error instanceof Error ? error.message : String(error),
    ...(known && error.hint !== undefined && { hint: error.hint }),
    ...(error instanceof Error && error.cause instanceof Error && { causes: [error.cause.message] }),
  };
  send(response, known ? (statuses[error.code] ?? 500) : 500, { error: body });
}

function send(response: ServerResponse, status: number, answer: object): void {
  const text = JSON.stringify(answer);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

function decoded(segments: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(segments).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch (cause) {
    throw new LaresError("usage", "Cannot read the request: its path is badly encoded", { cause });
  }
}
