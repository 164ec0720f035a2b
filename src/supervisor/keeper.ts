import { setCloseOnExec } from "../os/descriptors.ts";
import { becomeSubreaper, execReplace } from "../os/process-control.ts";

/** The supervisor ended because it was asked to: the keeper ends too. */
export const finishedCode = 0;
/** The supervisor cannot run here (another one does, the home cannot be used): trying again would not help. */
export const cannotRunCode = 64;
/** The supervisor ended to be started anew from what is installed now. */
export const startAgainCode = 75;

/**
 * The keeper: it starts the supervisor again whenever it ends abnormally, and reaps what the dead one leaves behind.
 *
 * POSIX sh (dash, bash, busybox). `$1` is a file in which a supervisor that has recovered leaves a mark: one that dies
 * without having got that far is started again more slowly. TERM and INT are passed on, so that an init system or a
 * terminal ends everything in order.
 */
const keeperScript = `
mark=$1; shift
pid=; failures=0
trap 'kill -TERM $pid 2>/dev/null' TERM INT
trap '' HUP
while :; do
  "$@" <&0 & pid=$!
  while :; do
    wait $pid; status=$?
    kill -0 $pid 2>/dev/null || break
  done
  case $status in 0) exit 0 ;; ${cannotRunCode}) exit ${cannotRunCode} ;; esac
  if [ -s "$mark" ]; then failures=0; : >"$mark"; else failures=$((failures + 1)); fi
  if [ $failures -gt 2 ]; then
    echo "lares: the supervisor ended with status $status before it had recovered; trying again" >&2
    sleep 1
  fi
done
`;

export interface KeeperImage {
  readonly node: string;
  /** The supervisor's program and its arguments. */
  readonly main: readonly string[];
  readonly markPath: string;
  /** Where both write what they have to say; undefined keeps the present stderr. */
  readonly logPath: string | undefined;
  /** Both ends of the pair in whose queue descriptors are parked. */
  readonly store: readonly [number, number];
}

/** V8 keeps what a supervisor needs small: 115 MB after churn become 60, at no cost in processor time. */
const nodeFlags = ["--max-semi-space-size=1", "--optimize-for-size"];

/**
 * Turns this process into the keeper of a supervisor: the same pid, the same children, 1 MB of memory.
 *
 * What the next supervisor needs is in the store; every other descriptor is closed by the exec.
 */
export function becomeKeeper({ node, main, markPath, logPath, store }: KeeperImage): never {
  becomeSubreaper();
  for (const fd of store) setCloseOnExec(fd, false);
  const redirect = logPath === undefined ? "" : `exec >>'${logPath.replaceAll("'", "'\\''")}' 2>&1\n`;
  const argv = ["lares-keeper", "-c", redirect + keeperScript, "lares-keeper", markPath, node, ...nodeFlags, ...main];
  const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => !!entry[1]));
  // One malloc arena: the supervisor has one busy thread, and each arena keeps megabytes to itself.
  return execReplace("/bin/sh", { argv, env: { MALLOC_ARENA_MAX: "1", ...env } });
}
