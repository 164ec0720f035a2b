import type { core } from "zod";
import type { Path, Problem } from "./diagnostic.ts";
import { knownKeys } from "./json-schema.ts";
import { nearest } from "./nearest.ts";
import type { ConfigurationInput } from "./schema.ts";

/** A document of the right shape, or what is wrong with it. */
export type ShapeResult =
  | { readonly ok: true; readonly input: ConfigurationInput }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks keys and types of a document. Loads zod, which costs some 40 ms. */
export async function checkShape(value: unknown): Promise<ShapeResult> {
  const { configurationSchema } = await import("./schema.ts");
  const result = configurationSchema.safeParse(value);
  if (result.success) return { ok: true, input: result.data };
  const { jsonSchema } = await import("./json-schema.ts");
  const schema = await jsonSchema();
  const issues = result.error.issues.flatMap((issue) => flatten(issue));
  const unknown = issues
    .filter((issue) => issue.code === "unrecognized_keys")
    .flatMap((issue) => unknownKeys(issue, knownKeys(schema, issue.path as Path)));
  const wrong = issues.filter((issue) => issue.code !== "unrecognized_keys").map((issue) => wrongValue(issue, value));
  // A mistyped `comand` is not also a missing `command`.
  const meant = new Set(unknown.map(({ suggestion }) => JSON.stringify(suggestion)));
  const problems = [...unknown, ...wrong.filter(({ path }) => !meant.has(JSON.stringify(path)))];
  return { ok: false, problems };
}

/**
 * Of a union that fits in no way, the issues of the alternative that was evidently meant: the one that got past its outermost
 * type. Without such an alternative, the issue of the union itself.
 */
function flatten(issue: core.$ZodIssue, base: Path = []): core.$ZodIssue[] {
  const path = [...base, ...(issue.path as Path)];
  const placed = { ...issue, path };
  if (issue.code !== "invalid_union") return [placed];
  const meant = issue.errors.find((issues) =>
    issues.some((each) => each.path.length > 0 || each.code === "unrecognized_keys"),
  );
  return meant === undefined ? [placed] : meant.flatMap((each) => flatten(each, path));
}

interface UnknownKey extends Problem {
  /** The path with the key that was probably meant. */
  readonly suggestion?: Path;
}

function unknownKeys(issue: core.$ZodIssueUnrecognizedKeys, known: readonly string[]): UnknownKey[] {
  const path = issue.path as Path;
  const where = path.length === 0 ? "" : ` in \`${path.join(".")}\``;
  return issue.keys.map((key) => {
    const near = nearest(key, known);
    const hint =
      near === undefined
        ? `Known keys are ${known.map((each) => `\`${each}\``).join(", ")}.`
        : `Did you mean \`${near}\`?`;
    const problem = { path: [...path, key], at: "key", message: `unknown key \`${key}\`${where}`, hint } as const;
    return near === undefined ? problem : { ...problem, suggestion: [...path, near] };
  });
}

function wrongValue(issue: core.$ZodIssue, root: unknown): Problem {
  const path = issue.path as Path;
  const found = path.reduce<unknown>(
    (value, segment) => (value as Record<string | number, unknown> | undefined)?.[segment],
    root,
  );
  if (found === undefined) {
    const key = path.at(-1);
    const where = path.length > 1 ? ` in \`${path.slice(0, -1).join(".")}\`` : "";
    return { path, message: `missing key \`${key}\`${where}`, hint: `Add \`${key}\`: ${issue.message}.` };
  }
  const hint = hintFor(issue.message, found);
  return { path, message: `expected ${issue.message}, found ${show(found)}`, ...(hint !== undefined && { hint }) };
}

function hintFor(expected: string, found: unknown): string | undefined {
  const bare = found !== 0 && /^\d+(?:\.\d+)?$/.test(String(found));
  if (bare && expected.startsWith("a duration")) return `Add a unit: \`${found}s\` or \`${found}ms\`.`;
  if (bare && expected.startsWith("a size")) return `Add a unit: \`${found}M\`, or \`${found}B\` for bytes.`;
  if (bare && expected.startsWith("a percentage")) return `Add a percent sign; \`100%\` is one processor.`;
  if (expected.startsWith("`true`") && /^(?:yes|no|on|off)$/i.test(String(found))) {
    return "Write `true` or `false`, without quotes.";
  }
  const words = [...expected.matchAll(/`([\w-]+)`/g)].map((match) => match[1] ?? "");
  const near = typeof found === "string" && expected.startsWith("one of") ? nearest(found, words) : undefined;
  return near === undefined ? undefined : `Did you mean \`${near}\`?`;
}

function show(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = JSON.stringify(value);
  return `${typeof value === "string" ? "" : `the ${typeof value} `}${text.length > 60 ? `${text.slice(0, 57)}…` : text}`;
}
