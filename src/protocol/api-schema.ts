/** A schema in the words of JSON Schema 2020-12, as far as the API needs them. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly $ref?: string;
}

declare const described: unique symbol;
declare const left: unique symbol;

/**
 * The schema of a TypeScript type: plain JSON that remembers, for the compiler alone, what it describes.
 *
 * The type stands on both sides of the function, so that a schema that says more or less than the type does not fit it.
 */
export type Schema<T> = JsonSchema & { readonly [described]?: (value: T) => T };

/** A property that may be left out. */
interface Optional<T> {
  readonly schema: Schema<T>;
  readonly [left]: true;
}

/** The members that a type names, without its index signature. */
type Named<T> = keyof { [K in keyof T as string extends K ? never : K]: T[K] };

/** One schema for each property of a type: none missing, none too many, and optional where the type says so. */
export type Properties<T> = {
  readonly [K in Named<T>]-?: Record<never, never> extends Pick<T, K>
    ? Optional<Exclude<T[K], undefined>>
    : Schema<T[K]>;
};

export const text: Schema<string> = { type: "string" };
export const flag: Schema<boolean> = { type: "boolean" };
export const amount: Schema<number> = { type: "number" };
/** A whole number from 0 on. */
export const count: Schema<number> = { type: "integer", minimum: 0 };
/** A moment, ISO 8601. */
export const moment: Schema<string> = { type: "string", format: "date-time" };
export const anything: Schema<unknown> = {};

/** One of some words; each of the type must be a key. */
export function words<T extends string>(all: Readonly<Record<T, true>>): Schema<T> {
  return { type: "string", enum: Object.keys(all) };
}

export function listOf<T>(items: Schema<T>): Schema<readonly T[]> {
  return { type: "array", items };
}

export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return { anyOf: [schema, { type: "null" }] };
}

export function optional<T>(schema: Schema<T>): Optional<T> {
  return { schema } as Optional<T>;
}

/** The same schema, with a sentence about what it describes. */
export function about<T>(description: string, schema: Schema<T>): Schema<T> {
  return { ...schema, description };
}

/** An object with these properties. */
export function object<T extends object>(properties: Properties<T>): Schema<T> {
  const entries = Object.entries(properties as Record<string, JsonSchema | Optional<unknown>>);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, one]) => [name, isOptional(one) ? one.schema : one])),
    required: entries.flatMap(([name, one]) => (isOptional(one) ? [] : [name])),
  };
}

function isOptional(property: JsonSchema | Optional<unknown>): property is Optional<unknown> {
  return "schema" in property;
}
