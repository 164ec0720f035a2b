/** Puts the parts of the preload together, for a process that is meant. */
import { isMainThread } from "node:worker_threads";
import { listenVariables, parseListenEnvironment } from "../../protocol/listen-fds.ts";
import { interceptListen } from "./intercept-listen.ts";
import { keepSocketFiles } from "./keep-socket-files.ts";
import { leaveOnSignals } from "./leave.ts";
import { Listeners } from "./listeners.ts";
import { openInherited } from "./open-inherited.ts";
import { type Readiness, readinessOn, silence } from "./readiness.ts";

/**
 * @param options.supervised whether the environment of this very process asks for it; otherwise only a worker of `cluster`
 *   is touched, and only so that it leaves without losing a request
 */
export async function activate({ supervised }: { readonly supervised: boolean }): Promise<void> {
  if (!isMainThread) return;
  if (!supervised && !(await isClusterWorker())) return;
  const listeners = new Listeners(openInherited(parseListenEnvironment(process.env, process.pid)));
  const readiness = takeReadiness();
  forgetEnvironment();
  interceptListen(listeners, readiness);
  keepSocketFiles(listeners.paths);
  leaveOnSignals(listeners);
}

async function isClusterWorker(): Promise<boolean> {
  const { default: cluster } = await import("node:cluster");
  return cluster.isWorker;
}

function takeReadiness(): Readiness {
  const fd = Number(process.env.LARES_READY_FD);
  return Number.isInteger(fd) && fd > 2 ? readinessOn(fd) : silence;
}

/** The descriptors are ours alone: Node has set close-on-exec on them, so no child may look for them. */
function forgetEnvironment(): void {
  for (const name of [...listenVariables, "LARES_READY_FD"]) delete process.env[name];
  process.env.LARES_REGISTER = "1";
}
