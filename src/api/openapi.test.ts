import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { routes as paths } from "../protocol/api.ts";
import { openApiDocument } from "./openapi.ts";
import { findRoute } from "./route.ts";
import { routes } from "./routes.ts";

const document = openApiDocument(routes);
const described = Object.entries(document.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);

describe("the OpenAPI document", () => {
  it("has every route of the table, and nothing else", () => {
    const names = (all: readonly { method: string; path: string }[]) =>
      all.map(({ method, path }) => `${method} ${path}`).sort();
    assert.deepEqual(names(described), names(routes));
  });

  it("has every path that the client knows", () => {
    const known = Object.values(paths).map((path) => (typeof path === "string" ? path : path("name")));
    const isServed = (path: string) => ["GET", "POST"].some((method) => findRoute(routes, { method, path }));
    assert.deepEqual(
      known.filter((path) => !isServed(path)),
      [],
    );
  });

  it("refers to schemas that are there, and has none that nothing refers to", () => {
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    const referredTo = new Set([...references].map(([, name]) => name));
    assert.deepEqual([...referredTo].sort(), Object.keys(document.components.schemas).sort());
  });

  it("names each operation once, its access rule, and all parameters of its path", () => {
    const names = described.map(({ operation }) => operation.operationId);
    assert.equal(new Set(names).size, names.length, names.join(" "));
    for (const { path, operation } of described) {
      assert.equal(operation["x-lares-access"], "owner");
      const inPath = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      assert.deepEqual(
        inPath,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      );
    }
  });
});

describe("findRoute", () => {
  it("finds a route by method and path, with what its path leaves open", () => {
    const found = findRoute(routes, { method: "GET", path: "/v1/services/a%2Fb" });
    assert.equal(found?.route.path, "/v1/services/{name}");
    assert.deepEqual(found.parameters, { name: "a%2Fb" });
  });

  it("finds nothing for another method, a longer path, or an empty segment", () => {
    const strangers = [
      { method: "POST", path: "/v1/instances" },
      { method: "GET", path: "/v1/services/a/b" },
      { method: "GET", path: "/v1/services/" },
      { method: "GET", path: "/v1" },
      { method: undefined, path: "/v1/instances" },
    ];
    for (const stranger of strangers) assert.equal(findRoute(routes, stranger), undefined, stranger.path);
  });
});
