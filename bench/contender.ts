/** A program of a trial: something simple that a supervisor is to keep running. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
}

/** A supervisor in a trial: Lares, or one of those it is compared with. All state is in a directory of its own. */
export interface Contender {
  readonly name: string;
  /** Starts the supervisor with these programs and waits until it says that they run, where it can say. */
  start(programs: readonly Program[]): Promise<void>;
  /** Stops some of the programs and waits for their end. */
  stop(names: readonly string[]): void;
  /** The processes of the supervision itself. */
  pids(): number[];
  /** Ends everything and waits until it is gone. */
  end(): Promise<void>;
}
