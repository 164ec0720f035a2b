import type { Path, Problem, SourceDocument } from "./diagnostic.ts";

/** What the meaning of a service depends on besides its own keys. */
export interface ServiceContext {
  readonly document: SourceDocument;
  /** Of the service in the document. */
  readonly path: Path;
  /** Absolute; what relative paths are relative to. */
  readonly directory: string;
  /** What `instances: max` means. */
  readonly cores: number;
  /** Variables from the service's `env_file`s. */
  readonly fileEnv: Readonly<Record<string, string>>;
  /** Where to put what is found wrong. */
  readonly problems: Problem[];
}
