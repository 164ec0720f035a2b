import { LaresError } from "../core/errors.ts";
import {
  type ActionReply,
  type ActionRequest,
  type ApiError,
  type ApplyReply,
  type ApplyRequest,
  type EventView,
  type InstanceView,
  routes,
  type ServiceView,
  type SupervisorView,
} from "../protocol/api.ts";
import { type Request, type Response, send } from "./connection.ts";
import { fromApiError } from "./errors.ts";
import { acrossRestarts } from "./reconnect.ts";

/** The supervisor's API, typed. Every method may throw a LaresError. */
export interface Client {
  /**
   * All instances of all services.
   *
   * @param options `usage: false` leaves memory and processor share null: reading them costs the supervisor most of the answer.
   */
  instances(options?: { readonly usage?: boolean }): Promise<readonly InstanceView[]>;
  /** Everything about one service. */
  service(name: string): Promise<ServiceView>;
  /** Everything about all services. */
  services(): Promise<readonly ServiceView[]>;
  /** Applies services, or with `dryRun` only plans it. */
  apply(request: ApplyRequest): Promise<ApplyReply>;
  /** Asks for an action; resolves when it is accepted, not when it is done. */
  action(request: ActionRequest): Promise<ActionReply>;
  /** Events from `since` (a sequence number, exclusive, or a time) on; with `follow` until the signal or the supervisor ends. */
  events(query?: EventsQuery): AsyncIterable<EventView>;
  /** Who answers. */
  supervisor(): Promise<SupervisorView>;
}

/** Which events to read. */
export interface EventsQuery {
  /** A sequence number: events after it; or an ISO 8601 time. */
  readonly since?: number | string;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** How often a request is sent. */
type Repeat = <T>(request: Request, attempt: () => Promise<T>) => Promise<T>;

/** A supervisor that has not answered for this long is stuck, not slow. */
const answerTimeoutMs = 30_000;

/**
 * Opens a client of the supervisor that listens at a socket. Nothing is connected before the first call.
 *
 * @param options `socketPath` is the absolute path of `lares.sock`. With `patient`, a supervisor that its keeper is starting
 * again is waited for, ten seconds at most; without it, every call fails while there is none.
 * @example
 * const client = openClient({ socketPath: "/run/lares/lares.sock" });
 * for (const instance of await client.instances()) console.log(instance.service, instance.state);
 */
export function openClient(options: { readonly socketPath: string; readonly patient?: boolean }): Client {
  const { socketPath } = options;
  const repeat: Repeat = options.patient ? acrossRestarts : (_, attempt) => attempt();
  const call = <T>(request: Request) => repeat(request, () => ask<T>(request));
  const get = <T>(path: string) => call<T>({ socketPath, method: "GET", path });
  const post = <T>(path: string, body: unknown) => call<T>({ socketPath, method: "POST", path, body });
  return {
    instances: ({ usage = true } = {}) => get(usage ? routes.instances : `${routes.instances}?usage=0`),
    service: (name) => get(routes.service(name)),
    services: () => get(routes.services),
    apply: (request) => post(routes.apply, request),
    action: (request) => post(routes.actions, request),
    events: (query = {}) => readEvents(query, { socketPath, repeat }),
    supervisor: () => get(routes.supervisor),
  };
}

async function ask<T>(request: Request): Promise<T> {
  const response = await accepted(await send({ ...request, timeoutMs: answerTimeoutMs }));
  return parse(await text(response), request.path) as T;
}

async function* readEvents(
  query: EventsQuery,
  { socketPath, repeat }: { readonly socketPath: string; readonly repeat: Repeat },
): AsyncGenerator<EventView, void, void> {
  const parameters = new URLSearchParams();
  if (query.since !== undefined) parameters.set("since", String(query.since));
  if (query.follow) parameters.set("follow", "1");
  const path = parameters.size === 0 ? routes.events : `${routes.events}?${parameters}`;
  const request: Request = { socketPath, method: "GET", path, signal: query.signal };
  const response = await repeat(request, async () => accepted(await send(request)));
  for await (const line of lines(response.body)) yield parse(line, path) as EventView;
}

async function accepted(response: Response): Promise<Response> {
  if (response.status < 400) return response;
  const body = await text(response);
  let error: ApiError | undefined;
  try {
    error = (JSON.parse(body) as { error?: ApiError }).error;
  } catch {
    // Not JSON: whatever answered is not the API.
  }
  if (error !== undefined) throw fromApiError(error);
  throw new LaresError(
    "protocol",
    `Cannot carry out the request: the supervisor answered with status ${response.status}`,
    {
      hint: "Compare the versions of command and supervisor with `lares version`.",
    },
  );
}

async function text(response: Response): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response.body) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

/** Whole lines; what follows the last newline is a line cut off by a dying supervisor, and dropped. */
async function* lines(parts: AsyncIterable<Buffer>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of parts) {
    const whole = (rest + decoder.decode(part, { stream: true })).split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) if (line !== "") yield line;
  }
}

function parse(json: string, path: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new LaresError("protocol", `Cannot understand the answer to "${path}": it is not JSON`, { cause });
  }
}
