/** Configuration from environment variables: `MYDAEMON_LOG_LEVEL` is `log_level`, `MYDAEMON_HTTP__PORT` is `http.port`. */

export interface EnvironmentValue {
  readonly path: readonly string[];
  readonly text: string;
}

/** The variables that begin with the prefix, as ways into the configuration. */
export function environmentValues(
  prefix: string,
  env: Readonly<Record<string, string | undefined>>,
): EnvironmentValue[] {
  return Object.entries(env).flatMap(([name, text]) => {
    const rest = name.slice(prefix.length);
    if (!name.startsWith(prefix) || rest === "" || text === undefined) return [];
    return [{ path: rest.toLowerCase().split("__"), text }];
  });
}

/** A copy of `base` in which each value is set: as the number, boolean or JSON that it reads as, or as it is. */
export function overlay(
  base: unknown,
  values: readonly EnvironmentValue[],
  asText: (value: EnvironmentValue) => boolean,
): unknown {
  const copy = structuredClone(base ?? {}) as Record<string, unknown>;
  for (const value of values) {
    let place = copy;
    for (const key of value.path.slice(0, -1)) {
      const inner = place[key];
      const next = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {};
      place[key] = next;
      place = next;
    }
    place[value.path.at(-1) ?? ""] = asText(value) ? value.text : read(value.text);
  }
  return copy;
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
