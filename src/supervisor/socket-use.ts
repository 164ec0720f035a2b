import type { RunId } from "../core/effects.ts";
import { runKey } from "./holding.ts";

/** Which runs have which sockets, by their keys, and which of them may get connections. */
export class SocketUse {
  readonly #used = new Map<string, readonly string[]>();
  /** By service. */
  readonly #live = new Map<string, readonly string[]>();

  /** What each run was started with, as it is written down. */
  get all(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(this.#used);
  }

  restore(used: Readonly<Record<string, readonly string[]>>): void {
    for (const [run, keys] of Object.entries(used)) this.#used.set(run, keys);
  }

  begin(run: RunId, keys: readonly string[]): void {
    this.#used.set(runKey(run), keys);
  }

  /** False when it had none. */
  end(run: RunId): boolean {
    return this.#used.delete(runKey(run));
  }

  setLive(service: string, runs: readonly RunId[]): void {
    this.#live.set(service, runs.map(runKey));
  }

  forgetService(service: string): void {
    this.#live.delete(service);
  }

  of(run: RunId): readonly string[] {
    return this.#used.get(runKey(run)) ?? [];
  }

  /** The keys of all runs that have not ended. */
  usedKeys(): ReadonlySet<string> {
    return new Set([...this.#used.values()].flat());
  }

  /** Once for each run that accepts there. */
  liveKeys(service: string): readonly string[] {
    return (this.#live.get(service) ?? []).flatMap((run) => this.#used.get(run) ?? []);
  }

  /** By key of a run. */
  usersOf(key: string): readonly string[] {
    return [...this.#used].flatMap(([run, keys]) => (keys.includes(key) ? [run] : []));
  }

  /** Of other runs of the same slot. */
  othersInSlot(run: RunId): ReadonlySet<string> {
    const own = runKey(run);
    const place = own.slice(0, own.lastIndexOf("#") + 1);
    return new Set([...this.#used].flatMap(([key, used]) => (key !== own && key.startsWith(place) ? used : [])));
  }

  /** Whether a run of another slot, or a later one of this slot, has one of these. */
  isTakenOver(run: RunId, keys: ReadonlySet<string>): boolean {
    const [place] = runKey(run).split("#");
    return [...this.#used].some(([user, its]) => {
      const [itsPlace, generation] = user.split("#");
      return its.some((key) => keys.has(key)) && (itsPlace !== place || Number(generation) > run.generation);
    });
  }
}
