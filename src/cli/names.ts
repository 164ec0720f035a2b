import { LaresError } from "../core/errors.ts";

/** A service or one of its slots, as named on a command line. */
export interface Target {
  readonly service: string;
  /** Undefined is every slot. */
  readonly slot: number | undefined;
}

/** The name that stands for every service. */
export const all = "all";

/**
 * Reads `SERVICE` or `SERVICE/SLOT`.
 *
 * @throws LaresError `usage` when what follows the slash is no slot.
 */
export function parseTarget(text: string): Target {
  const slash = text.lastIndexOf("/");
  if (slash < 0) return { service: text, slot: undefined };
  const slot = text.slice(slash + 1);
  if (slash > 0 && /^\d{1,6}$/.test(slot)) return { service: text.slice(0, slash), slot: Number(slot) };
  throw new LaresError("usage", `Cannot read target "${text}": it is neither SERVICE nor SERVICE/SLOT`, {
    hint: "List the names with `lares ls`.",
  });
}

/** Whether something of a service and slot is meant by any of the targets; no targets mean everything. */
export function matches(
  targets: readonly Target[],
  item: { readonly service?: string; readonly slot?: number },
): boolean {
  if (targets.length === 0) return true;
  return targets.some(
    ({ service, slot }) => service === all || (service === item.service && (slot === undefined || slot === item.slot)),
  );
}

/**
 * Refuses a command line without operands, or with more than a command can use.
 *
 * @throws LaresError `usage`.
 */
export function requireOperands(
  operands: readonly string[],
  {
    command,
    what,
    most = Number.POSITIVE_INFINITY,
  }: { readonly command: string; readonly what: string; readonly most?: number },
): void {
  if (operands.length === 0) {
    throw new LaresError("usage", `Cannot ${command}: no ${what} is named`, {
      hint: `See \`lares ${command} --help\`.`,
    });
  }
  if (operands.length > most) {
    throw new LaresError("usage", `Cannot ${command}: "${operands[most]}" is one word too many`, {
      hint: `See \`lares ${command} --help\`.`,
    });
  }
}
