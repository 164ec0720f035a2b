import { routes } from "../../protocol/api.ts";
import { describeService } from "../../supervisor/describe.ts";
import type { Route } from "../route.ts";

/** Everything about each. */
export const services: Route = {
  method: "GET",
  path: routes.services,
  access: "owner",
  summary: "Everything about all services",
  gives: "ServiceView",
  many: "list",
  answer: ({ supervisor }) => {
    const names = [...supervisor.engine.world.services.keys()];
    return Promise.all(names.map((name) => describeService(supervisor, name)));
  },
};

/** What `lares describe` shows. */
export const service: Route = {
  method: "GET",
  path: `${routes.services}/{name}`,
  access: "owner",
  summary: "Everything about one service",
  parameters: { name: "The name of the service." },
  gives: "ServiceView",
  answer: ({ supervisor, parameters }) => describeService(supervisor, parameters.name ?? ""),
};
