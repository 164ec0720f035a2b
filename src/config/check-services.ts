import { formatAddress } from "../core/plan.ts";
import type { ListenerSpec, ServiceSpec } from "../core/spec.ts";
import type { Problem } from "./diagnostic.ts";
import { nearest } from "./nearest.ts";

/** What can only be wrong between services: names, cycles, addresses. */
export function checkServices(specs: readonly ServiceSpec[]): readonly Problem[] {
  return [...unknownNames(specs), ...cycles(specs), ...takenAddresses(specs)];
}

function unknownNames(specs: readonly ServiceSpec[]): Problem[] {
  const names = specs.map((spec) => spec.name);
  return specs.flatMap(({ name, after, requires }) =>
    Object.entries({ after: after.filter((each) => !requires.includes(each)), requires }).flatMap(([key, others]) =>
      others.flatMap((other): Problem[] => {
        const place = { path: ["services", name, key], part: other };
        if (other === name) return [{ ...place, message: `\`${name}\` cannot wait for itself`, hint: "Remove it." }];
        if (names.includes(other)) return [];
        const near = nearest(other, names);
        const hint = near === undefined ? `Services here are ${names.join(", ")}.` : `Did you mean \`${near}\`?`;
        return [{ ...place, message: `there is no service \`${other}\``, hint }];
      }),
    ),
  );
}

/** Each cycle once, from its first service in the file. A service that waits for itself is said elsewhere. */
function cycles(specs: readonly ServiceSpec[]): Problem[] {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const finished = new Set<string>();
  const problems: Problem[] = [];

  const visit = (spec: ServiceSpec, trail: readonly string[]): void => {
    const start = trail.indexOf(spec.name);
    if (start >= 0) {
      if (start < trail.length - 1) problems.push(cycleOf([...trail.slice(start), spec.name], byName));
      return;
    }
    if (finished.has(spec.name)) return;
    for (const name of spec.after) {
      const next = byName.get(name);
      if (next !== undefined) visit(next, [...trail, spec.name]);
    }
    finished.add(spec.name);
  };
  for (const spec of specs) visit(spec, []);
  return problems;
}

function cycleOf(names: readonly string[], byName: ReadonlyMap<string, ServiceSpec>): Problem {
  const [first = "", second = ""] = names;
  const key = byName.get(first)?.requires.includes(second) ? "requires" : "after";
  return {
    path: ["services", first, key],
    part: second,
    message: `these services wait for each other: ${names.join(" → ")}`,
    hint: "Remove one of them from `after` or `requires`.",
  };
}

/** Two listeners on one address: the second could never be opened. Port 0 is a free port each time. */
function takenAddresses(specs: readonly ServiceSpec[]): Problem[] {
  const listeners = specs.flatMap((spec) => spec.listen.map((listener) => ({ service: spec.name, listener })));
  return listeners.flatMap(({ service, listener }, index) => {
    const other = listeners.slice(0, index).find((each) => collide(each.listener, listener));
    if (other === undefined) return [];
    const address = formatAddress(listener.address);
    const message = `\`${address}\` is already the listener \`${other.listener.name}\` of \`${other.service}\``;
    return [{ path: ["services", service, "listen", listener.name], message, hint: "Choose another address." }];
  });
}

function collide({ address: a }: ListenerSpec, { address: b }: ListenerSpec): boolean {
  if (a.family === "unix" || b.family === "unix")
    return a.family === "unix" && b.family === "unix" && a.path === b.path;
  if (a.port !== b.port || a.port === 0 || a.host.includes(":") !== b.host.includes(":")) return false;
  return a.host === b.host || [a.host, b.host].some((host) => host === "0.0.0.0" || host === "::");
}
