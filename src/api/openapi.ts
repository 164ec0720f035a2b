import type { JsonSchema } from "../protocol/api-schema.ts";
import { apiSchemas, referTo } from "../protocol/api-schemas.ts";
import { version } from "../protocol/version.ts";
import { accessRules } from "./access.ts";
import type { Route } from "./route.ts";

/** The part of OpenAPI 3.1 that describes this API. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>;
  /** The access rule's name. OpenAPI has no words for a peer's user. */
  readonly "x-lares-access": string;
}

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

/** Describes a table of routes. */
export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const byPath = Map.groupBy(routes, ({ path }) => path);
  const operations = (all: readonly Route[]) =>
    Object.fromEntries(all.map((route) => [route.method.toLowerCase(), operation(route)]));
  return {
    openapi: "3.1.1",
    info: {
      title: "Lares",
      version,
      description: "What a supervisor of Lares answers. Members may be added to any object at any time.",
    },
    servers: [
      {
        url: "http://lares",
        description:
          "HTTP/1.1 over the Unix socket `lares.sock` in the run directory; the name of the host is not read.",
      },
    ],
    paths: Object.fromEntries([...byPath].map(([path, all]) => [path, operations(all)])),
    components: { schemas: apiSchemas },
  };
}

function operation(route: Route): Operation {
  const { path, access, summary, takes, gives, many } = route;
  const schema = many === "list" ? { type: "array", items: referTo(gives) } : referTo(gives);
  return {
    operationId: operationId(route),
    summary,
    description: `Access: ${accessRules[access].description}`,
    parameters: Object.entries(route.parameters ?? {}).map(([name, description]) => {
      const inPath = path.includes(`{${name}}`);
      return { name, in: inPath ? "path" : "query", required: inPath, description, schema: { type: "string" } };
    }),
    ...(takes && { requestBody: { required: true, content: { "application/json": { schema: referTo(takes) } } } }),
    responses: {
      "200": {
        description: many === "stream" ? "One JSON document on each line." : "Done, or accepted.",
        content: { [many === "stream" ? "application/x-ndjson" : "application/json"]: { schema } },
      },
      default: {
        description: "Refused or failed.",
        content: { "application/json": { schema: referTo("ErrorReply") } },
      },
    },
    "x-lares-access": access,
  };
}

/** `getServicesName` for `GET /v1/services/{name}`. */
function operationId({ method, path }: Route): string {
  const words = path.replace(/^\/v1/, "").match(/\w+/g) ?? [];
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
