import { instanceViews } from "../../supervisor/views.ts";
import type { Call, Route } from "../route.ts";

/** `GET /v1/instances` */
export const instances: Route = {
  method: "GET",
  pattern: /^\/v1\/instances$/,
  answer: ({ supervisor }: Call) => instanceViews(supervisor.engine.world, supervisor.viewSources()),
};
