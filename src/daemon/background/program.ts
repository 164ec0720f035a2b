/** A daemon as its command line sees it. */
import type { DaemonDefinition } from "../definition.ts";
import type { Breach, GuardOptions } from "../guard/guard.ts";
import type { RunningDaemon } from "../lifecycle/running-daemon.ts";
import type { PidFile } from "../pid-file.ts";

export interface Program<Config> {
  readonly definition: DaemonDefinition<Config>;
  /** Where its PID file is by default. */
  readonly pidFilePath: string;
  run(options: RunOptions): Promise<RunningDaemon<Config>>;
}

export interface RunOptions {
  /** Instead of the file of the definition. */
  readonly configFile?: string | undefined;
  /** Taken already, by us or by a predecessor. */
  readonly pidFile?: PidFile | undefined;
  readonly onCrash?: (error: Error) => void;
  readonly onOverLimit?: (breach: Breach, options: GuardOptions) => void;
}

export interface VerbOptions {
  readonly configFile: string | undefined;
  readonly pidFile: string;
  /** Whether somebody named a PID file: then one is written in the foreground too. */
  readonly pidFileNamed: boolean;
  readonly output: string | undefined;
  readonly json: boolean;
  readonly print: boolean;
  readonly type: "notify" | "forking";
  readonly user: string | undefined;
}
