import { actions } from "./resources/actions.ts";
import { apply } from "./resources/apply.ts";
import { events } from "./resources/events.ts";
import { instances } from "./resources/instances.ts";
import { openApi } from "./resources/openapi.ts";
import { service, services } from "./resources/services.ts";
import { supervisor } from "./resources/supervisor.ts";
import type { Route } from "./route.ts";

/** The whole API. */
export const routes: readonly Route[] = [
  instances,
  services,
  service,
  apply,
  actions,
  events,
  supervisor,
  openApi(() => routes),
];
