import { duplicate, setCloseOnExec } from "../os/descriptors.ts";
import { openIdleSocket } from "../os/idle-socket.ts";
import { becomeSubreaper, execReplace, exitNow } from "../os/process-control.ts";
import { keeperName } from "../protocol/keeper-name.ts";
import { otherRunsCode } from "../protocol/supervisor-exit.ts";
import type { HomeFiles } from "./home.ts";

/** The supervisor ended because it was asked to: the keeper ends too. */
export const finishedCode = 0;
/** The supervisor cannot run here (the home cannot be used): trying again would not help. */
export const cannotRunCode = 64;
/** The supervisor ended to be started anew from what is installed now. */
export const startAgainCode = 75;

/** From which the keeper reads to let time pass; dash knows no descriptor above 9. */
const idleFd = 9;
/** The supervisor's stderr, while the shell's own complaints go nowhere. */
const stderrFd = 8;
const idleMs = 1000;

/** Ends the supervisor with a code for its keeper. Everything that matters is on disk or parked by then. */
export function endWith(code: number): never {
  return exitNow(code);
}

/**
 * The keeper: it starts the supervisor again whenever it ends abnormally, and reaps what the dead one leaves behind.
 *
 * POSIX sh (dash, bash, busybox). A supervisor that has recovered leaves a mark in a file. One that dies twice without
 * having got that far is replaced by the last version that had, if there is a copy of it; if that fails as well, tries
 * come more slowly. TERM and INT are passed on, so that an init system or a terminal ends everything in order; a supervisor
 * that died of them before it could listen is started once more to do that, and one that cannot start does not hold it up.
 *
 * Where the machine cannot make another process, dash and busybox would end if it were not for `command eval`, and `sleep`
 * cannot be started: they wait by reading from a socket on which nothing ever comes. Bash tries for some 15 s, and ends.
 */
const keeperScript = `
node=$1 main=$2 fallback=$3 mark=$4; shift 4
program=$main pid= failures=0 end=
trap 'end=--end; kill -TERM $pid 2>/dev/null' TERM INT
trap '' HUP
pause() {
  read -t 1 _ <&${idleFd} 2>/dev/null
  [ $? -ne 2 ] || read _ <&${idleFd}
}
exec ${stderrFd}>&2
said=
while :; do
  pid=
  command eval '"$node" ${nodeFlags().join(" ")} "$program" "$@" --keeper $$ $end <&0 2>&${stderrFd} ${stderrFd}>&- ${idleFd}<&- & pid=$!' 2>/dev/null
  if [ -z "$pid" ]; then
    [ -n "$said" ] || echo "lares: cannot start the supervisor: no process can be made here; trying on" >&2
    said=yes; pause; continue
  fi
  said=
  while :; do
    wait $pid; status=$?
    kill -0 $pid 2>/dev/null || break
  done
  case $status in
  ${finishedCode} | ${cannotRunCode} | ${otherRunsCode}) exit $status ;;
  ${startAgainCode}) program=$main; unset LARES_FALLBACK ;;
  esac
  if [ -s "$mark" ]; then failures=0; : >"$mark"; continue; fi
  failures=$((failures + 1))
  echo "lares: the supervisor ended with status $status before it had recovered" >&2
  if [ -n "$end" ] && [ $failures -ge 3 ]; then exit $status; fi
  # Killed from outside, it may have been about to: that is not the version's fault.
  if [ $failures -ge 2 ] && [ $status -ne 137 ] && [ "$program" = "$main" ] && [ -f "$fallback" ]; then
    echo "lares: the last version that recovered is put back: $fallback" >&2
    program=$fallback LARES_FALLBACK=1; export LARES_FALLBACK
  elif [ $failures -gt 2 ]; then pause; fi
done
`;

export interface KeeperImage {
  readonly node: string;
  /** The supervisor's program. */
  readonly main: string;
  /** A copy of the last version that recovered; it need not be there. */
  readonly fallback: string;
  /** Further arguments of the supervisor. */
  readonly args: readonly string[];
  readonly markPath: string;
  /** Where both write what they have to say; undefined keeps the present stderr. */
  readonly logPath: string | undefined;
  /** Both ends of the pair in whose queue descriptors are parked. */
  readonly store: readonly [number, number];
}

/**
 * V8 keeps what a supervisor needs small: 115 MB after churn become 60, at no cost in processor time. It does not forget
 * compiled code that was not used for a while: a crash after quiet days is answered as quickly as any.
 */
function nodeFlags(): readonly string[] {
  return ["--max-semi-space-size=1", "--optimize-for-size", "--no-flush-bytecode"];
}

/** The keeper of a home. */
export function keeperImage(of: {
  readonly files: HomeFiles;
  readonly store: readonly [number, number];
  readonly foreground: boolean;
  readonly main: string;
}): KeeperImage {
  const { files, store, foreground, main } = of;
  const { directory } = files.homes;
  return {
    node: process.execPath,
    main,
    fallback: files.fallback,
    args: [...(directory === null ? [] : ["--home", directory]), ...(foreground ? ["--foreground"] : [])],
    markPath: files.mark,
    logPath: foreground ? undefined : files.ownLog,
    store,
  };
}

/**
 * Turns this process into the keeper of a supervisor: the same pid, the same children, 1 MB of memory.
 *
 * What the next supervisor needs is in the store; every other descriptor is closed by the exec. The environment's
 * LARES_SHELL names another shell than /bin/sh, by its absolute path.
 */
export function becomeKeeper(image: KeeperImage): never {
  const { node, main, fallback, args, markPath, logPath, store } = image;
  becomeSubreaper();
  const kept = store.map((fd) => (fd <= idleFd ? duplicate(fd, idleFd + 1) : fd));
  for (const fd of kept) setCloseOnExec(fd, false);
  openIdleSocket(idleFd, idleMs);
  const redirect = logPath === undefined ? "" : `exec >>'${logPath.replaceAll("'", "'\\''")}' 2>&1\n`;
  // Their order is also that of `markOfKeeper`.
  const options = [node, main, fallback, markPath, ...args, "--store", kept.join(",")];
  // Busybox goes by the name it is called by.
  const argv = ["sh", "-c", redirect + keeperScript, keeperName, ...options];
  const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => !!entry[1]));
  // One malloc arena: the supervisor has one busy thread, and each arena keeps megabytes to itself.
  return execReplace(env.LARES_SHELL ?? "/bin/sh", { argv, env: { MALLOC_ARENA_MAX: "1", ...env } });
}
