import { connect, type Socket } from "node:net";
import { LaresError } from "../core/errors.ts";
import { ResponseParser } from "./http.ts";

/** One request to the supervisor. */
export interface Request {
  readonly socketPath: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** How long the supervisor may be silent; absent for streams, which may be silent for days. */
  readonly timeoutMs?: number;
}

/** A response whose status is known and whose body is still to be read. */
export interface Response {
  readonly status: number;
  readonly body: AsyncIterable<Buffer>;
}

/**
 * Sends a request over a connection of its own.
 *
 * @throws LaresError `no_supervisor` when nothing listens, `not_permitted` when the socket may not be used, `io` when the
 * connection is lost, `timed_out` when the supervisor is silent.
 */
export async function send(request: Request): Promise<Response> {
  const socket = await open(request.socketPath);
  socket.write(encode(request));
  if (request.timeoutMs !== undefined) {
    socket.setTimeout(request.timeoutMs, () => socket.destroy(silent(request)));
  }
  const abort = () => socket.destroy();
  request.signal?.addEventListener("abort", abort, { once: true });
  const parser = new ResponseParser();
  const parts = bodyParts(socket, { parser, request });
  // The first part is empty and says that the head is complete.
  await parts.next();
  return { status: parser.status, body: parts };
}

/** The kernel takes 107 bytes of path; what helps with longer ones is only loaded for them. */
async function open(path: string): Promise<Socket> {
  if (Buffer.byteLength(path) <= 107) return connect(path);
  const { usablePath } = await import("../os/socket-address.ts");
  const usable = usablePath(path);
  return connect(usable.path).once("close", () => usable.close());
}

function encode(request: Request): string {
  const head = `${request.method} ${request.path} HTTP/1.1\r\nhost: lares\r\nconnection: close\r\n`;
  if (request.body === undefined) return `${head}\r\n`;
  const body = JSON.stringify(request.body);
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

async function* bodyParts(
  socket: Socket,
  { parser, request }: { readonly parser: ResponseParser; readonly request: Request },
): AsyncGenerator<Buffer, void, void> {
  try {
    let announced = false;
    for await (const chunk of socket) {
      const parts = parser.feed(chunk as Buffer);
      if (!announced && parser.hasHead) {
        announced = true;
        yield Buffer.alloc(0);
      }
      yield* parts;
      if (parser.done) return;
    }
    parser.end();
    if (!parser.done) throw lost(request);
  } catch (error) {
    throw request.signal?.aborted ? request.signal.reason : explain(error, request);
  } finally {
    socket.destroy();
  }
}

function explain(error: unknown, request: Request): unknown {
  if (error instanceof LaresError) return error;
  if (error instanceof SyntaxError) {
    return new LaresError("protocol", `Cannot understand "${request.socketPath}": it does not speak HTTP`, {
      hint: "Check that `--home` names the home of a Lares supervisor.",
      cause: error,
    });
  }
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ECONNREFUSED":
    case "ENOTDIR":
      return new LaresError(
        "no_supervisor",
        `Cannot reach the supervisor: none is running at "${request.socketPath}"`,
        {
          hint: "Start one with `lares up`, or name its home with `--home DIR`.",
        },
      );
    case "EACCES":
    case "EPERM":
      return new LaresError("not_permitted", `Cannot reach the supervisor: no access to "${request.socketPath}"`, {
        hint: "Run the command as the user who started the supervisor, for example with `sudo`.",
      });
    default:
      return lost(request, error);
  }
}

function lost(request: Request, cause?: unknown): LaresError {
  if (request.method === "POST") {
    return new LaresError("io", "Cannot tell whether the request was carried out: its answer was lost", {
      hint: "See what became of it with `lares ls` or `lares events` before you repeat it.",
      cause,
    });
  }
  return new LaresError(
    "io",
    `Cannot read the supervisor's answer: the connection to "${request.socketPath}" was lost`,
    {
      hint: "Run the command again: a supervisor that ended is started again by its keeper.",
      cause,
    },
  );
}

function silent(request: Request): LaresError {
  const seconds = (request.timeoutMs ?? 0) / 1000;
  return new LaresError("timed_out", `Cannot read the supervisor's answer: it was silent for ${seconds} s`, {
    hint: "See what holds it with `lares doctor`.",
  });
}
