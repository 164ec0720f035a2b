/** The part of JSON Schema that describes our files. */
export interface JsonSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
}

/** The JSON Schema (2020-12) of a configuration file, for editors and for the reference page. */
export async function jsonSchema(): Promise<JsonSchema> {
  const [{ toJSONSchema }, { configurationSchema }] = await Promise.all([import("zod"), import("./schema.ts")]);
  const schema = toJSONSchema(configurationSchema, { io: "input" }) as JsonSchema;
  return { ...schema, ...{ title: "Lares configuration", patternProperties: { "^x-": {} } } };
}

/** The keys that a mapping at this path may have; none where keys are free, as in `env`. */
export function knownKeys(schema: JsonSchema, path: readonly (string | number)[]): readonly string[] {
  let schemas: readonly JsonSchema[] = [schema];
  for (const segment of path) schemas = schemas.flatMap(alternatives).flatMap((each) => childOf(each, segment));
  return schemas.flatMap(alternatives).flatMap((each) => Object.keys(each.properties ?? {}));
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ?? [schema];
}

function childOf(schema: JsonSchema, segment: string | number): readonly JsonSchema[] {
  if (typeof segment === "number") return schema.items === undefined ? [] : [schema.items];
  const child = schema.properties?.[segment] ?? schema.additionalProperties;
  return typeof child === "object" ? [child] : [];
}
