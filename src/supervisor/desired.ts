import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dependentsOf } from "../core/dependencies.ts";
import type { World } from "../core/draft.ts";
import { newService, type Service } from "../core/service.ts";
import type { ServiceSpec } from "../core/spec.ts";

/** What outlives the machine: what is to run, and what an operator stopped. */
interface Desired {
  readonly lares: 1;
  readonly revision: number;
  /** Files that are applied again whenever they change. */
  readonly watched?: readonly string[];
  readonly services: Readonly<Record<string, DesiredService>>;
}

interface DesiredService {
  readonly spec: ServiceSpec;
  readonly source: string | null;
  readonly revision: number;
  readonly desired: "up" | "down";
  readonly heldSlots: readonly number[];
  readonly scaledFrom?: number;
}

/**
 * The desired state on disk.
 *
 * The journal knows more and dies with the machine's uptime; from this file everything is started again after a boot.
 */
export class DesiredState {
  readonly #path: string;
  /** Digest of what is on disk. */
  #written = "";
  revision = 0;
  watched: readonly string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The world as it is to be, with nothing running in it.
   *
   * @returns a problem as a sentence when the file is there and cannot be used; it is kept beside under another name.
   */
  recover(): { readonly world: World; readonly problem?: string } {
    const empty: World = { services: new Map(), ending: false };
    const text = read(this.#path);
    if (text === undefined) return { world: empty };
    const desired = parse(text);
    if (!desired) {
      renameSync(this.#path, `${this.#path}.unreadable`);
      return { world: empty, problem: `"${this.#path}" could not be read and was moved to "${this.#path}.unreadable"` };
    }
    this.#written = digestOf(text);
    this.revision = desired.revision;
    this.watched = desired.watched ?? [];
    const services = new Map(Object.entries(desired.services).map(([name, one]) => [name, fromDesired(one)]));
    const dependents = dependentsOf(services);
    for (const [name, service] of services) services.set(name, { ...service, dependents: dependents.get(name) ?? [] });
    return { world: { services, ending: false } };
  }

  /** Writes it if it differs from what is there. @throws when it cannot be written; what was there stays. */
  write(world: World): void {
    const services = Object.fromEntries(
      [...world.services].filter(([, { leaving }]) => !leaving).map(([name, service]) => [name, toDesired(service)]),
    );
    const desired: Desired = { lares: 1, revision: this.revision, watched: this.watched, services };
    const text = JSON.stringify(desired);
    const digest = digestOf(text);
    if (digest === this.#written) return;
    const temporary = `${this.#path}.new`;
    const fd = openSync(temporary, "w", 0o600);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.#path);
    this.#written = digest;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

function toDesired({ spec, source, revision, desired, slots, scaledFrom }: Service): DesiredService {
  const heldSlots = slots.filter(({ held }) => held).map(({ slot }) => slot);
  return { spec, source, revision, desired, heldSlots, ...(scaledFrom !== undefined && { scaledFrom }) };
}

function fromDesired({ spec, source, revision, desired, heldSlots, scaledFrom }: DesiredService): Service {
  const service = newService(spec, { source, revision, desired });
  return {
    ...service,
    ...(scaledFrom !== undefined && { scaledFrom }),
    slots: service.slots.map((slot) => (heldSlots.includes(slot.slot) ? { ...slot, held: true } : slot)),
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function parse(text: string): Desired | undefined {
  try {
    const desired = JSON.parse(text);
    return desired?.lares === 1 && typeof desired.services === "object" ? desired : undefined;
  } catch {
    return undefined;
  }
}
