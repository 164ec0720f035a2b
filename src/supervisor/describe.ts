import { LaresError } from "../core/errors.ts";
import { serviceDirectory } from "../logs/names.ts";
import { tailLines } from "../logs/tail.ts";
import type { ServiceView } from "../protocol/api.ts";
import type { Supervisor } from "./supervisor.ts";
import { isoAt, serviceView } from "./views.ts";

/** Everything about one service. @throws LaresError `no_such_service` */
export async function describeService(supervisor: Supervisor, name: string): Promise<ServiceView> {
  const { world } = supervisor.engine;
  const known = world.services.get(name);
  if (!known) {
    throw new LaresError("no_such_service", `Cannot describe "${name}": there is no such service`, {
      hint: "Run `lares ls` to see what there is.",
    });
  }
  const sources = supervisor.viewSources();
  const { dueMs, ...seen } = serviceView(known, world, sources);
  const logDirectory = serviceDirectory(supervisor.options.files.homes.log, name);
  const failure = seen.lastFailure;
  const logTail = failure
    ? await tailLines(logDirectory, failure.slot, { generation: failure.generation }).catch(() => [])
    : [];
  return {
    ...seen,
    lastFailure: failure && { ...failure, logTail },
    nextRunAt: dueMs === undefined ? null : isoAt(dueMs, sources),
    logDirectory,
    logDroppedBytes: supervisor.outputs.droppedBytes(name),
    listening: supervisor.listeners.addressesOf(name),
    sinks: await supervisor.forwarding.describe(known.spec),
    notEnforced: [...(supervisor.notEnforced.get(name) ?? [])],
  };
}
