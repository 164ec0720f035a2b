import type { ListenerSpec } from "../core/spec.ts";
import { defaults } from "./defaults.ts";
import type { Path } from "./diagnostic.ts";
import { octal } from "./normalise-values.ts";
import { parseListenAddress } from "./parse-address.ts";
import type { ServiceInput } from "./schema.ts";
import type { ServiceContext } from "./service-context.ts";

type ListenInput = NonNullable<ServiceInput["listen"]>[string];

/** Names are joined by colons in LISTEN_FDNAMES; sd_listen_fds(3) allows printable ASCII up to 255 characters. */
const namePattern = /^[!-9;-~]{1,255}$/;

/** The listeners of a service, in the order they are written, which is the order of their descriptors. */
export function normaliseListen(input: ServiceInput["listen"], context: ServiceContext): readonly ListenerSpec[] {
  const path = [...context.path, "listen"];
  return Object.entries(input ?? {}).flatMap(([name, entry]) => {
    const listener = normaliseListener(name, entry, { ...context, path: [...path, name] });
    return listener === undefined ? [] : [listener];
  });
}

function normaliseListener(name: string, entry: ListenInput, context: ServiceContext): ListenerSpec | undefined {
  const { path, problems } = context;
  if (!namePattern.test(name)) {
    problems.push({
      path,
      at: "key",
      message: `a listener cannot be named ${JSON.stringify(name)}`,
      hint: "Use letters, digits and dashes.",
    });
  }
  const options = typeof entry === "object" ? entry : { address: entry };
  const addressPath = typeof entry === "object" ? [...path, "address"] : path;
  const address = parseListenAddress(String(options.address), context.directory);
  if (typeof address === "string") {
    const message = `cannot listen on ${JSON.stringify(String(options.address))}: ${address}`;
    const hint = "Write `PORT`, `HOST:PORT`, `[::1]:PORT` or `unix:/path`.";
    problems.push({ path: addressPath, message, hint });
    return undefined;
  }
  if (address.family === "tcp") refuseFileKeys(options, context);
  const { mode, owner: user, group } = options;
  return {
    name,
    address,
    backlog: options.backlog ?? defaults.backlog,
    ...(mode !== undefined && { mode: octal(mode, { ...context, path: [...path, "mode"] }) }),
    ...((user !== undefined || group !== undefined) && {
      owner: {
        ...(user !== undefined && { user: String(user) }),
        ...(group !== undefined && { group: String(group) }),
      },
    }),
  };
}

function refuseFileKeys(
  options: Readonly<Record<string, unknown>>,
  { path, problems }: { path: Path; problems: ServiceContext["problems"] },
): void {
  for (const key of ["mode", "owner", "group"]) {
    if (options[key] === undefined) continue;
    const hint = "Remove it, or listen on `unix:/path`.";
    problems.push({
      path: [...path, key],
      at: "key",
      message: `\`${key}\` is for unix sockets, and this is a TCP address`,
      hint,
    });
  }
}
