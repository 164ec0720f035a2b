/** What a running supervisor answers to curl is what its OpenAPI document says. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { OpenApiDocument } from "../../src/api/openapi.ts";
import type { JsonSchema } from "../../src/protocol/api-schema.ts";
import { createRig, type Rig } from "../e2e/rig.ts";

let rig: Rig;
let document: OpenApiDocument;
let ajv: Ajv2020;

before(async () => {
  rig = createRig();
  const crashing = { command: "false", restart: { policy: "never" } };
  const nightly = { kind: "task", schedule: "0 3 * * *", command: "true" };
  await rig.begin({ web: { command: "sleep 1000", instances: 2 }, crashing, nightly });
  await rig.becomes("crashing", { state: "failed" });
  await rig.becomes("web/1", { state: "up" });
  document = JSON.parse((await curl("/v1/openapi.json")).body);
  ajv = new Ajv2020({ strict: true });
  ajv.addKeyword("components");
  ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  // Types may grow, but nothing is answered today that is not described.
  ajv.addSchema({ $id: "lares", components: { schemas: closed(document.components.schemas) } });
});

after(() => rig[Symbol.asyncDispose]());

describe("every answer is as described:", () => {
  for (const path of [
    "/v1/instances",
    "/v1/instances?usage=0",
    "/v1/services",
    "/v1/services/web",
    "/v1/services/crashing",
    "/v1/events",
    "/v1/supervisor",
    "/v1/openapi.json",
  ]) {
    it(`GET ${path}`, async () => {
      const { status, type, body } = await curl(path);
      assert.equal(status, 200);
      const { responses } = operation("get", path);
      const [[describedType, { schema }] = ["", { schema: {} }]] = Object.entries(responses["200"]?.content ?? {});
      assert.equal(type, describedType);
      const documents = type === "application/x-ndjson" ? body.trimEnd().split("\n") : [body];
      for (const one of documents) assertValid(schema, JSON.parse(one));
    });
  }

  it("POST /v1/apply, and what is sent", async () => {
    const { source } = JSON.parse((await curl("/v1/services/web")).body);
    const request = { services: [], source, dryRun: true };
    const { responses, requestBody } = operation("post", "/v1/apply");
    assertValid(requestBody?.content["application/json"]?.schema, request);
    const { body } = await curl("/v1/apply", request);
    assert.deepEqual(
      JSON.parse(body).plan.map(({ action }: { action: string }) => action),
      ["remove", "remove", "remove"],
    );
    assertValid(responses["200"]?.content["application/json"]?.schema, JSON.parse(body));
  });

  it("POST /v1/actions, and what is sent", async () => {
    const request = { action: "restart", targets: ["web/0"] };
    const { responses, requestBody } = operation("post", "/v1/actions");
    assertValid(requestBody?.content["application/json"]?.schema, request);
    const { body } = await curl("/v1/actions", request);
    assertValid(responses["200"]?.content["application/json"]?.schema, JSON.parse(body));
  });

  it("what is refused", async () => {
    const { status, body } = await curl("/v1/services/nothing");
    assert.equal(status, 404);
    assertValid(
      operation("get", "/v1/services/nothing").responses.default?.content["application/json"]?.schema,
      JSON.parse(body),
    );
  });
});

it("an answer that is not as described would be noticed", () => {
  const schema = { $ref: "#/components/schemas/ExitView" };
  const exit = { code: 0, signal: null, status: "known", at: "2026-01-31T12:00:00.000Z" };
  assert.ok(validator(schema)(exit));
  for (const wrong of [{ ...exit, code: "0" }, { ...exit, at: "noon" }, { ...exit, more: 1 }, {}])
    assert.ok(!validator(schema)(wrong), JSON.stringify(wrong));
});

function assertValid(schema: JsonSchema | undefined, value: unknown): void {
  assert.ok(schema);
  const validate = validator(schema);
  assert.ok(validate(value), `${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`);
}

/** References lead into the document. */
function validator(schema: JsonSchema): ValidateFunction {
  return ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"lares#/')));
}

/** The same schemas, in which objects have no properties but those named. */
function closed(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(closed);
  const parts = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, closed(part)]));
  return "properties" in value ? { additionalProperties: false, ...parts } : parts;
}

/** The operation of a path, be it one of those with an open segment. */
function operation(method: string, path: string) {
  const [, operations] =
    Object.entries(document.paths).find(([template]) =>
      new RegExp(`^${template.replace(/\{\w+\}/, "[^/]+")}(?:\\?.*)?$`).test(path),
    ) ?? assert.fail(`${path} is not described`);
  return operations[method] ?? assert.fail(`${method} ${path} is not described`);
}

async function curl(path: string, body?: object): Promise<{ status: number; type: string; body: string }> {
  const socket = ["--silent", "--show-error", "--unix-socket", rig.files.homes.socket];
  const post = body === undefined ? [] : ["--data", JSON.stringify(body)];
  const { stdout } = await promisify(execFile)(
    "curl",
    [...socket, ...post, "--write-out", "\n%{http_code} %{content_type}", `http://lares${path}`],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  const end = stdout.lastIndexOf("\n");
  const [status, type = ""] = stdout.slice(end + 1).split(" ");
  return { status: Number(status), type, body: stdout.slice(0, end) };
}
