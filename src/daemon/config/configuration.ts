/** A configuration that is validated, read-only, and changed as a whole. */
import { loadConfiguration, type Source } from "./load.ts";
import { changedKeys, freeze, isUnder, type Snapshot } from "./snapshot.ts";
import type { OutputOf, StandardSchema } from "./standard-schema.ts";
import { watchFile } from "./watch-file.ts";

export interface ConfigurationOptions<Schema extends StandardSchema> extends Source<Schema> {
  /** Keys that only a restart can change, such as `http.port`; a change of them is reported, and takes effect then. */
  readonly needsRestart?: readonly string[];
  /** Whether a change of the file reloads by itself. Default true. */
  readonly watch?: boolean;
  /** How often the file is looked at beside being watched. Default 5000. */
  readonly pollMs?: number;
}

export interface ConfigurationChange<T> {
  readonly current: Snapshot<T>;
  readonly previous: Snapshot<T>;
  /** Exactly the keys whose values differ, as paths: `http.port`. */
  readonly keys: readonly string[];
  /** Those of them that only a restart puts into effect. */
  readonly needsRestart: readonly string[];
}

type Listener<T> = (change: ConfigurationChange<T>) => void | Promise<void>;

/**
 * A validated configuration with hot reload.
 *
 * A file that is wrong never replaces what is in use; whoever subscribed is told which keys changed.
 *
 * @example
 * ```ts
 * import { Configuration } from "lares";
 * import { z } from "zod";
 *
 * const schema = z.object({ log_level: z.enum(["debug", "info"]).default("info") });
 * using configuration = await Configuration.load({ schema, envPrefix: "EXAMPLE_", env: { EXAMPLE_LOG_LEVEL: "debug" } });
 * console.log(configuration.current.log_level); // debug
 * ```
 */
export class Configuration<T> implements Disposable {
  #current: Snapshot<T>;
  #revision = 1;
  #lastError: Error | undefined;
  #reloading: Promise<unknown> = Promise.resolve();
  #watch: Disposable | undefined;
  readonly #options: ConfigurationOptions<StandardSchema>;
  readonly #listeners = new Set<Listener<T>>();

  private constructor(options: ConfigurationOptions<StandardSchema>, value: unknown) {
    this.#options = options;
    this.#current = freeze(value) as Snapshot<T>;
  }

  /** @throws LaresError `invalid_configuration` */
  static async load<Schema extends StandardSchema>(
    options: ConfigurationOptions<Schema>,
  ): Promise<Configuration<OutputOf<Schema>>> {
    return new Configuration<OutputOf<Schema>>(options, await loadConfiguration(options));
  }

  /** The configuration in use; deeply frozen. Read it where it is needed rather than keeping it. */
  get current(): Snapshot<T> {
    return this.#current;
  }

  /** Counts the configurations that have been in use, from 1. */
  get revision(): number {
    return this.#revision;
  }

  get file(): string | undefined {
    return this.#options.file;
  }

  /** Why the latest attempt to reload failed; undefined after one that did not. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /**
   * Reads everything again. Without a change nobody is told anything.
   *
   * @throws LaresError `invalid_configuration`: what was in use stays so. Errors of subscribers, after all were told.
   */
  reload(): Promise<ConfigurationChange<T>> {
    const reload = this.#reloading.then(() => this.#reload());
    this.#reloading = reload.catch(() => {});
    return reload;
  }

  /** Calls back after each change, and waits for the answer. */
  subscribe(listener: Listener<T>): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /**
   * Begins to reload whenever the file changes.
   *
   * @param reload What to do then; a daemon puts its whole reload here. Default: `reload`, whose errors are kept in
   * `lastError`.
   */
  watch(reload: () => void = () => void this.reload().catch(() => {})): void {
    const { file, watch = true, pollMs = 5_000 } = this.#options;
    if (file !== undefined && watch) this.#watch ??= watchFile(file, { onChange: reload, pollMs });
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#listeners.clear();
  }

  async #reload(): Promise<ConfigurationChange<T>> {
    try {
      const change = this.#replace(await loadConfiguration(this.#options));
      if (change.keys.length > 0) await this.#tell(change);
      this.#lastError = undefined;
      return change;
    } catch (error) {
      this.#lastError = error as Error;
      throw error;
    }
  }

  #replace(value: unknown): ConfigurationChange<T> {
    const previous = this.#current;
    const current = freeze(value) as Snapshot<T>;
    const keys = changedKeys(previous, current);
    const needsRestart = keys.filter((key) => isUnder(key, this.#options.needsRestart ?? []));
    if (keys.length > 0) {
      this.#current = current;
      this.#revision += 1;
    }
    return { current, previous, keys, needsRestart };
  }

  async #tell(change: ConfigurationChange<T>): Promise<void> {
    const results = await Promise.allSettled([...this.#listeners].map(async (listener) => listener(change)));
    const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, "several subscribers failed");
  }
}
