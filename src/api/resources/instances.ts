import { routes } from "../../protocol/api.ts";
import { instanceViews } from "../../supervisor/views.ts";
import type { Route } from "../route.ts";

/** What `lares ls` shows. */
export const instances: Route = {
  method: "GET",
  path: routes.instances,
  access: "owner",
  summary: "All instances of all services",
  parameters: {
    usage: "With `0` memory and processor share are null: reading them is most of what an answer costs.",
  },
  gives: "InstanceView",
  many: "list",
  answer: ({ supervisor, query }) => {
    const sources = supervisor.viewSources();
    const without = { ...sources, usage: () => undefined };
    return instanceViews(supervisor.engine.world, query.get("usage") === "0" ? without : sources);
  },
};
