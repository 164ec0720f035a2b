import { createHash } from "node:crypto";
import { accessSync, constants, mkdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { LaresError } from "../core/errors.ts";
import { type Homes, homesOf } from "../protocol/homes.ts";

/** The files of a home that only the supervisor touches. */
export interface HomeFiles {
  readonly homes: Homes;
  /** Stands for this home in tags and names of cgroups. */
  readonly id: string;
  readonly journal: string;
  readonly events: string;
  readonly desired: string;
  readonly lock: string;
  readonly mark: string;
  readonly listeners: string;
  /** What programs leave behind when they are started. */
  readonly starts: string;
  /** Copies of the last versions that recovered, and the program of the one in force. */
  readonly programs: string;
  readonly fallback: string;
  /** The sd_notify socket that services share, and the directory of those that have their own. */
  readonly sharedNotify: string;
  readonly notify: string;
  readonly pidFile: string;
  readonly keeperPidFile: string;
  readonly ownLog: string;
}

/** Finds a home, and makes its directories. @throws LaresError `not_permitted` or `io` when one cannot be made or used */
export function openHome(home: string | undefined): HomeFiles {
  const homes = homesOf({
    env: process.env,
    uid: process.getuid?.() ?? 0,
    directory: process.cwd(),
    home,
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  });
  // Services of other users reach their notify sockets and nothing else.
  makeDirectory(homes.run, 0o711);
  makeDirectory(join(homes.run, "notify"), 0o711);
  makeDirectory(homes.state, 0o700);
  makeDirectory(homes.log, 0o750);
  const run = realpathSync(homes.run);
  return {
    homes,
    id: createHash("sha256").update(run).digest("hex").slice(0, 12),
    journal: join(homes.run, "journal"),
    events: join(homes.state, "events.ndjson"),
    desired: join(homes.state, "desired.json"),
    lock: join(homes.run, "lock"),
    mark: join(homes.run, "recovered"),
    starts: join(homes.run, "starts"),
    listeners: join(homes.run, "listeners.json"),
    programs: join(homes.state, "programs"),
    fallback: join(homes.state, "programs", "current", "dist", "supervisor.js"),
    sharedNotify: join(homes.run, "notify.sock"),
    notify: join(homes.run, "notify"),
    pidFile: join(homes.run, "lares.pid"),
    keeperPidFile: join(homes.run, "keeper.pid"),
    ownLog: join(homes.log, "supervisor.log"),
  };
}

function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const kind = code === "EACCES" || code === "EPERM" ? "not_permitted" : "io";
    throw new LaresError(kind, `Cannot use directory "${path}": ${code}`, {
      hint: "Name a directory of your own with `--home DIR`, or run as the user it belongs to.",
      cause,
    });
  }
}
