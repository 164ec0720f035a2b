/** What a call of `server.listen(…)` asks for, in any of the forms that Node allows. */

export type ListenTarget =
  | { readonly kind: "tcp"; readonly port: number; readonly host: string | undefined }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

export interface ListenCall {
  readonly target: ListenTarget;
  readonly backlog: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly callback: (() => void) | undefined;
}

/**
 * Reads the arguments of `net.Server.prototype.listen`.
 *
 * @returns undefined for what no configured address can mean: port 0, a handle, and calls that Node will refuse
 */
export function readListenCall(args: readonly unknown[]): ListenCall | undefined {
  const [first, ...rest] = args;
  const last = args.at(-1);
  const options: Record<string, unknown> =
    typeof first === "object" && first !== null ? { ...first } : { ...positional(first), host: rest.find(isText) };
  if (options._handle || options.handle) return undefined;
  const target = targetOf(options);
  if (target === undefined) return undefined;
  return {
    target,
    backlog: [options.backlog, ...rest].find((value) => typeof value === "number" && value > 0) as number | undefined,
    signal: options.signal instanceof AbortSignal ? options.signal : undefined,
    callback: typeof last === "function" ? (last as () => void) : undefined,
  };
}

function positional(first: unknown): Record<string, unknown> {
  return portOf(first) === undefined && isText(first) ? { path: first } : { port: first };
}

function targetOf({ port, host, path, fd }: Record<string, unknown>): ListenTarget | undefined {
  if (typeof fd === "number") return fd > 2 ? { kind: "fd", fd } : undefined;
  const number = portOf(port);
  if (number !== undefined)
    return number === 0 ? undefined : { kind: "tcp", port: number, host: isText(host) ? host : undefined };
  return isText(path) ? { kind: "unix", path } : undefined;
}

/** As Node has it: a string of digits is a port, not a path. */
function portOf(value: unknown): number | undefined {
  const port = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof port === "number" && Number.isInteger(port) && port >= 0 && port < 65_536 ? port : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
