/**
 * The value of `LARES_INSTANCE`: whose copy a process is, in which slot, at which start.
 *
 * It is in the environment of every instance, so that one whose journal record was lost is still found and recognised by
 * `/proc/PID/environ`. The home keeps the supervisors of one machine from taking each other's instances.
 */
export interface InstanceTag {
  readonly service: string;
  readonly slot: number;
  readonly generation: number;
  /** Lower-case hexadecimal, 4 to 64 digits: stands for the directory of the supervisor. */
  readonly home: string;
}

/** The service comes first and is the only part that may hold any character, so the rest is read from the end. */
const pattern = /^(?<service>[^\0]+)\/(?<slot>\d+)#(?<generation>\d+)@(?<home>[0-9a-f]{4,64})$/s;

/**
 * Writes a tag as `SERVICE/SLOT#GENERATION@HOME`.
 *
 * @example
 * formatInstanceTag({ service: "api", slot: 0, generation: 3, home: "9f2c11ab" }); // "api/0#3@9f2c11ab"
 */
export function formatInstanceTag(tag: InstanceTag): string {
  return `${tag.service}/${tag.slot}#${tag.generation}@${tag.home}`;
}

/** Reads a tag back; undefined for anything that `formatInstanceTag` does not write. */
export function parseInstanceTag(text: string): InstanceTag | undefined {
  const parts = pattern.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const tag = {
    service: parts.service ?? "",
    slot: Number(parts.slot),
    generation: Number(parts.generation),
    home: parts.home ?? "",
  };
  // Leading zeros and numbers beyond 2^53 do not come back as they were.
  return formatInstanceTag(tag) === text ? tag : undefined;
}
