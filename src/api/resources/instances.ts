import { instanceViews } from "../../supervisor/views.ts";
import type { Route } from "../route.ts";

/** `GET /v1/instances?usage=0` */
export const instances: Route = {
  method: "GET",
  pattern: /^\/v1\/instances$/,
  answer: ({ supervisor, query }) => {
    const sources = supervisor.viewSources();
    const without = { ...sources, usage: () => undefined };
    return instanceViews(supervisor.engine.world, query.get("usage") === "0" ? without : sources);
  },
};
