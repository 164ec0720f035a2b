import type { Program, RunOptions } from "./background/program.ts";
import { Configuration, type ConfigurationOptions } from "./config/configuration.ts";
import type { OutputOf, StandardSchema } from "./config/standard-schema.ts";
import type { DaemonDefinition } from "./definition.ts";
import { homesOf } from "./homes.ts";
import { RunningDaemon } from "./lifecycle/running-daemon.ts";
import { StateFile, statePathOf } from "./lifecycle/state-file.ts";
import { Notifier } from "./notifier.ts";

/** A defined daemon, not running yet. */
export class Daemon<Config> implements Program<Config> {
  readonly definition: DaemonDefinition<Config>;
  readonly config: ConfigurationOptions<StandardSchema> | undefined;

  constructor(definition: DaemonDefinition<Config>, config: ConfigurationOptions<StandardSchema> | undefined) {
    this.definition = definition;
    this.config = config;
  }

  /**
   * The command line of the daemon: `start [--daemon]`, `stop`, `restart`, `reload`, `status`, `upgrade`, `install`.
   * Without a verb it runs in the foreground. Ends the process when it is done.
   *
   * @param argv Default: the arguments of the process.
   */
  async main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
    const { runVerb } = await import("./background/verbs.ts");
    process.exit(await runVerb(this, argv));
  }

  /**
   * Starts the daemon in this process, without signals, PID file and crash reports: for tests, and for programs that
   * are more than a daemon.
   *
   * @returns it running and ready; `await using` stops it.
   */
  async run(options: RunOptions = {}): Promise<RunningDaemon<Config>> {
    const { definition } = this;
    const notifier = await Notifier.open();
    const configuration = await this.#loadConfiguration(options.configFile);
    const { pidFile } = options;
    return RunningDaemon.start(definition, {
      configuration,
      notifier,
      pidFile,
      stateFile: new StateFile(pidFile && statePathOf(pidFile.path), definition.version),
      onCrash: options.onCrash ?? (() => {}),
      onOverLimit: options.onOverLimit ?? (() => {}),
    });
  }

  /** Where its PID file is by default. */
  get pidFilePath(): string {
    const { name, background } = this.definition;
    return background?.pidFile ?? `${homesOf(name).run}/${name}.pid`;
  }

  async #loadConfiguration(file: string | undefined): Promise<Configuration<Config>> {
    const options = this.config ?? { schema: nothing };
    return (await Configuration.load({ ...options, ...(file === undefined ? {} : { file }) })) as Configuration<Config>;
  }
}

/** Of a daemon without configuration. */
const nothing: StandardSchema = { "~standard": { version: 1, vendor: "lares", validate: () => ({ value: {} }) } };

/** What `defineDaemon` takes when there is a configuration. */
export interface ConfiguredDefinition<Schema extends StandardSchema> extends DaemonDefinition<OutputOf<Schema>> {
  /** Where the configuration comes from, and what it must be. */
  readonly config: ConfigurationOptions<Schema>;
}

/**
 * Turns a program into a daemon: started by hand, in the background, by systemd, in a container or by Lares, it behaves
 * the same.
 *
 * `start` is given the configuration, the log and everything else as one context; when it returns, the program is ready,
 * and what it returns says how to follow a new configuration and how to stop. TERM and INT stop gracefully, HUP reloads,
 * USR1 reopens the log, USR2 upgrades in place without losing a connection.
 *
 * @returns the daemon; call its `main` to give the process to it.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { defineDaemon } from "lares";
 *
 * const daemon = defineDaemon({
 *   name: "example",
 *   log: { level: "warn" },
 *   async start({ listen, log }) {
 *     const server = createServer((_request, response) => response.end("hello"));
 *     await listen(server, { name: "http", port: 0 });
 *     return { stop: () => log.info("see you") };
 *   },
 * });
 *
 * await using running = await daemon.run(); // a program calls daemon.main()
 * console.log(running.state.state); // ready
 * ```
 */
export function defineDaemon<Schema extends StandardSchema>(
  definition: ConfiguredDefinition<Schema>,
): Daemon<OutputOf<Schema>>;
export function defineDaemon(definition: DaemonDefinition<Record<string, never>>): Daemon<Record<string, never>>;
export function defineDaemon<Config>(
  definition: DaemonDefinition<Config> & { readonly config?: ConfigurationOptions<StandardSchema> },
): Daemon<Config> {
  return new Daemon(definition, definition.config);
}
