/** Where everything of one supervisor is. Supervisor and client find it by the same rule, so they always meet. */
export interface Homes {
  /** The directory that holds all of it (`--home`, `LARES_HOME`); null where the host's own places are used. */
  readonly directory: string | null;
  /** Sockets, journal and PID files: need not outlive the machine's uptime. */
  readonly run: string;
  /** Desired state and revisions. */
  readonly state: string;
  /** One directory per service. */
  readonly log: string;
  /** Where `lares.yaml` (or another format) is sought when no file is named. */
  readonly configDirectory: string;
  /** The API's socket. */
  readonly socket: string;
}

/** What decides the homes, handed in so that the rule itself touches nothing. */
export interface HomesQuery {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** Relative paths are resolved against this. */
  readonly directory: string;
  /** `--home DIR`; wins over `LARES_HOME`. */
  readonly home?: string | undefined;
  readonly isDirectory: (path: string) => boolean;
}

/**
 * Finds the homes of a supervisor.
 *
 * @returns Absolute paths. Nothing is created.
 * @example
 * homesOf({ env: {}, uid: 0, directory: "/", isDirectory: () => true }).socket; // "/run/lares/lares.sock"
 */
export function homesOf(query: HomesQuery): Homes {
  const named = query.home ?? query.env.LARES_HOME;
  if (named) {
    const home = absolutePath(named, query.directory);
    return homes(home, { run: `${home}/run`, state: `${home}/state`, log: `${home}/log`, config: home });
  }
  if (query.uid === 0) {
    return homes(null, { run: "/run/lares", state: "/var/lib/lares", log: "/var/log/lares", config: "/etc/lares" });
  }
  return userHomes(query);
}

function userHomes(query: HomesQuery): Homes {
  const user = absolute(query.env.HOME) ?? "";
  const state = `${absolute(query.env.XDG_STATE_HOME) ?? `${user}/.local/state`}/lares`;
  const config = `${absolute(query.env.XDG_CONFIG_HOME) ?? `${user}/.config`}/lares`;
  return homes(null, { run: userRunDirectory(query, state), state, log: `${state}/log`, config });
}

/**
 * `su` and cron start shells without XDG_RUNTIME_DIR: they must still find the supervisor of the login session, so the
 * place where pam_systemd puts that directory is tried before giving up on it.
 */
function userRunDirectory(query: HomesQuery, state: string): string {
  const named = absolute(query.env.XDG_RUNTIME_DIR);
  if (named !== undefined) return `${named}/lares`;
  const usual = `/run/user/${query.uid}`;
  return query.isDirectory(usual) ? `${usual}/lares` : `${state}/run`;
}

/** `..` is left to the kernel: behind a symbolic link it is not what it seems. */
function absolutePath(path: string, directory: string): string {
  const full = path.startsWith("/") ? path : `${directory}/${path}`;
  return `/${full
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}

/** The XDG base directory specification: relative paths are invalid and ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}

function homes(
  directory: string | null,
  places: { readonly run: string; readonly state: string; readonly log: string; readonly config: string },
): Homes {
  return {
    directory,
    run: places.run,
    state: places.state,
    log: places.log,
    configDirectory: places.config,
    socket: `${places.run}/lares.sock`,
  };
}
