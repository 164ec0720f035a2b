import { LaresError } from "../core/errors.ts";
import type { ServiceSpec } from "../core/spec.ts";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Refuses specs that the supervisor could not carry out.
 *
 * Who sends them may do everything anyway, so this is no second reading of the configuration: it guards the invariants
 * that the supervisor's own files and paths rely on.
 *
 * @throws LaresError `invalid_configuration`
 */
export function checkSpecs(specs: readonly unknown[]): asserts specs is readonly ServiceSpec[] {
  for (const spec of specs) {
    const fault = faultOf(spec);
    if (fault)
      throw new LaresError("invalid_configuration", `Cannot apply: ${fault}`, {
        hint: "Send what `lares apply` sends.",
      });
  }
}

function faultOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "a service is no object";
  const spec = value as Partial<ServiceSpec>;
  if (typeof spec.name !== "string" || !namePattern.test(spec.name))
    return `${JSON.stringify(spec.name)} is no service name`;
  if (!Array.isArray(spec.command) || spec.command.length === 0) return `"${spec.name}" has no command`;
  if (!spec.command.every((word) => typeof word === "string"))
    return `"${spec.name}" has a command that is no list of words`;
  const missing = required.filter((key) => spec[key] === undefined);
  return missing.length > 0 ? `"${spec.name}" lacks ${missing.join(", ")}` : undefined;
}

const required = [
  ...(["kind", "directory", "env", "instances", "listen", "balance", "ready", "restart", "stop", "reload"] as const),
  ...(["limits", "log", "after", "requires", "on", "register"] as const),
] satisfies (keyof ServiceSpec)[];
