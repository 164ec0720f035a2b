import { routes, type SupervisorView } from "../../protocol/api.ts";
import type { Route } from "../route.ts";

/** Who answers. */
export const supervisor: Route = {
  method: "GET",
  path: routes.supervisor,
  access: "owner",
  summary: "The supervisor itself: version, process, home",
  gives: "SupervisorView",
  answer: ({ supervisor: it }): SupervisorView => {
    const { files, version } = it.options;
    const { run, state, log } = files.homes;
    return {
      version,
      pid: process.pid,
      keeperPid: process.ppid > 1 ? process.ppid : null,
      startedAt: it.startedAt.toISOString(),
      home: { run, state, log },
      revision: it.desired.revision,
      recoveries: it.recoveries,
      seq: it.events.seq,
    };
  },
};
