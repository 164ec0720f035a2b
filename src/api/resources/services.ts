import { describeService } from "../../supervisor/describe.ts";
import type { Route } from "../route.ts";

/** `GET /v1/services` */
export const services: Route = {
  method: "GET",
  pattern: /^\/v1\/services$/,
  answer: ({ supervisor }) => {
    const names = [...supervisor.engine.world.services.keys()];
    return Promise.all(names.map((name) => describeService(supervisor, name)));
  },
};

/** `GET /v1/services/NAME` */
export const service: Route = {
  method: "GET",
  pattern: /^\/v1\/services\/(?<name>[^/]+)$/,
  answer: ({ supervisor, parameters }) => describeService(supervisor, parameters.name ?? ""),
};
