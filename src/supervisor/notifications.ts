import type { Notification } from "../core/effects.ts";
import { parseNotify } from "../protocol/notify.ts";
import { type Holding, remainsOf } from "./holding.ts";
import type { Kernel, NotifyDatagram } from "./kernel.ts";

/** Who may speak for an instance besides its own processes. */
interface Trusted {
  /** The user the service runs as; undefined is the supervisor's own. */
  readonly uid: number | undefined;
  readonly pids: readonly number[];
}

/**
 * What a datagram says to the core, if its sender may say it.
 *
 * Each run has a socket of its own, so a message can only be about that run; who may write there is checked all the same,
 * because a path can be opened by everything of the same user.
 */
export function notificationFrom(
  datagram: NotifyDatagram,
  { holding, kernel, trusted }: { holding: Holding; kernel: Kernel; trusted: Trusted },
): Notification | { readonly rejected: string } {
  const { credentials } = datagram;
  if (!credentials) return { rejected: "it carries no credentials" };
  const allowedUids = [0, trusted.uid ?? process.getuid?.()];
  if (!allowedUids.includes(credentials.uid)) return { rejected: `user ${credentials.uid} may not speak for it` };
  if (!mayPidSpeak(credentials.pid, { holding, kernel, trusted })) {
    return { rejected: `process ${credentials.pid} is not part of it` };
  }
  const message = parseNotify(datagram.data, { truncated: datagram.truncated, descriptors: datagram.descriptors });
  if ("rejected" in message) return message;
  const mainProcess = message.mainPid === undefined ? undefined : processAt(message.mainPid, { holding, kernel });
  if (mainProcess === "foreign") return { rejected: `MAINPID=${message.mainPid} is not part of it` };
  return {
    ...(message.ready && { ready: true }),
    ...(message.reloading && { reloading: true }),
    ...(message.stopping && { stopping: true }),
    ...(message.monotonicUsec !== undefined && { monotonicMs: message.monotonicUsec / 1000 }),
    ...(message.status !== undefined && { status: message.status }),
    ...(message.watchdog && { watchdog: message.watchdog }),
    ...(message.watchdogUsec !== undefined && { watchdogMs: message.watchdogUsec / 1000 }),
    ...(message.extendTimeoutUsec !== undefined && { extendTimeoutMs: message.extendTimeoutUsec / 1000 }),
    ...(mainProcess && { mainProcess }),
    ...(message.replace && { replace: true }),
  };
}

/**
 * Hands over every message that is queued.
 *
 * Each is taken out only after it has been dealt with: a supervisor that dies in between leaves it to the next one, and what
 * is heard twice does no harm.
 */
export function hearAll(
  kernel: Pick<Kernel, "receiveNotify">,
  fd: number,
  hear: (datagram: NotifyDatagram) => void,
): void {
  const next = () => kernel.receiveNotify(fd, { peek: true });
  for (let datagram = next(); datagram; datagram = next()) {
    try {
      hear(datagram);
    } finally {
      kernel.receiveNotify(fd, { peek: false });
    }
  }
}

/** A sender that is gone already cannot be asked any more (`systemd-notify` of an ordinary user): its user has to do. */
function mayPidSpeak(
  pid: number,
  { holding, kernel, trusted }: { holding: Holding; kernel: Kernel; trusted: Trusted },
) {
  if (pid === holding.process?.pid || trusted.pids.includes(pid)) return true;
  return kernel.startTimeOf(pid) === undefined || kernel.isPartOf(pid, remainsOf(holding));
}

function processAt(pid: number, { holding, kernel }: { holding: Holding; kernel: Kernel }) {
  const startTime = kernel.startTimeOf(pid);
  if (pid <= 1 || startTime === undefined || pid === process.pid) return "foreign";
  if (pid === holding.process?.pid) return undefined;
  return kernel.isPartOf(pid, remainsOf(holding)) ? { pid, startTime } : "foreign";
}
