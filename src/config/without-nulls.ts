/**
 * Leaves out what says nothing: top-level keys that begin with `x-` (places for YAML anchors), and keys of a service with no
 * value, as is left when everything below them is commented out. `env` keeps its own, where nothing is likely a mistake.
 */
export function withoutNulls(value: unknown): unknown {
  if (!isMapping(value)) return value;
  const kept = Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith("x-")));
  if (!isMapping(kept.services)) return kept;
  const services = Object.entries(kept.services).map(([name, service]) => [name, ofService(service)]);
  return { ...kept, services: Object.fromEntries(services) };
}

function ofService(service: unknown): unknown {
  if (!isMapping(service)) return service;
  return Object.fromEntries(
    Object.entries(service)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, key !== "env" && isMapping(value) ? withoutNullMembers(value) : value]),
  );
}

function withoutNullMembers(value: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
