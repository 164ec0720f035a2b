import { routes as paths } from "../../protocol/api.ts";
import type { Route } from "../route.ts";

/**
 * The description of all routes, this one included.
 *
 * @param routes the table, which is complete only once this route is in it
 */
export function openApi(routes: () => readonly Route[]): Route {
  return {
    method: "GET",
    path: paths.openApi,
    access: "owner",
    summary: "This description of the API",
    gives: "OpenApiDocument",
    answer: async () => {
      // The schemas are loaded when they are asked for, and not held for the supervisor's life by a mere start.
      const { openApiDocument } = await import("../openapi.ts");
      return openApiDocument(routes());
    },
  };
}
