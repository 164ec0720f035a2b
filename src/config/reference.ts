import { type JsonSchema, jsonSchema } from "./json-schema.ts";

/** The reference page of all keys, in Markdown, made from the schema. */
export async function configurationReference(): Promise<string> {
  const schema = await jsonSchema();
  const service = objectOf(schema.properties?.services)?.additionalProperties as JsonSchema;
  const parts = sectionsOf("", service);
  const sections = [introduction, "## The file", table(schema), "## services.NAME", table(service), ...parts, values];
  return `${sections.join("\n\n")}\n`;
}

const introduction = `# Configuration

<!-- Made by scripts/config-reference.ts from src/config/schema.ts: change it there. -->

Services are written in YAML, JSON, TOML, or a TypeScript or JavaScript module with a default export. Lares looks for
\`lares.yaml\`, then \`.yml\`, \`.json\`, \`.toml\`, \`.ts\`, \`.js\` and \`.mjs\`. Unknown keys are errors. \`lares check\` says
what is wrong with a file, and where.

\`\`\`yaml
services:
  api:
    command: node server.js
    instances: 2
    listen: { http: 127.0.0.1:8080 }
    health: { http: http://127.0.0.1:8080/healthz }
  worker:
    command: ./worker.py
    after: [api]
\`\`\``;

const values = `## How values are written

| kind | form |
|---|---|
| duration | \`100ms\`, \`5s\`, \`10m\`, \`1h\`, \`14d\`, or several, the larger first: \`1h30m\`. A bare number is refused. |
| size | \`512B\`, \`512K\`, \`64M\`, \`1G\`, \`1T\`, in powers of 1024. Only \`0\` needs no unit. |
| percentage | \`150%\` is one and a half processors. |
| rate | a size each second: \`10M/s\`. |
| signal | its name, with or without \`SIG\`. |
| address | \`8080\`, \`:8080\`, \`127.0.0.1:8080\`, \`[::1]:8080\`, \`localhost:8080\`, \`unix:/run/api.sock\`. Without a host it is every IPv4 address. |
| command | a string, split into words as a POSIX shell does, with quotes and backslashes; or a list of a program and its arguments. What only a shell could do (\`\\|\`, \`>\`, \`&\`, \`*\`, \`$HOME\`, …) is refused, unless \`shell: true\`. |
| octal | \`"027"\` or \`027\`. In a module, a number such as \`0o027\`. |

**Variables.** In YAML, JSON and TOML, \`\${NAME}\` in a value is replaced from the environment of the command that reads the
file, and \`\${NAME:-default}\` by the default where the variable is unset or empty. A variable that is not set is an error.
\`$$\` stands for one dollar sign. A module reads \`process.env\`.

**Reuse.** YAML anchors and merge keys (\`<<\`) work; top-level keys that begin with \`x-\` are a place for them.

**Modules** are evaluated in a short-lived process of their own. The default export may be the value, a promise of it, or a
function that returns it.`;

/** A section for each mapping below this one. */
function sectionsOf(prefix: string, { properties = {} }: JsonSchema): readonly string[] {
  return Object.entries(properties).flatMap(([name, part]) => {
    const key = `${prefix}${name}`;
    const named = objectOf(part);
    if (named?.properties) return [section(key, part, named), ...sectionsOf(`${key}.`, named)];
    const entry = typeof named?.additionalProperties === "object" ? objectOf(named.additionalProperties) : undefined;
    return entry?.properties ? [section(`${key}.NAME`, part, entry)] : [];
  });
}

function section(key: string, part: JsonSchema, object: JsonSchema): string {
  const words = (part.anyOf ?? []).some((each) => each.type === "string" || each.type === "integer");
  const short =
    words && key === "ready" ? "\n\nIn short: `started`, `notify`, `listening` or `fd:3`, without a mapping." : "";
  return `## ${key}\n\n${part.description}${short}\n\n${table(object)}`;
}

function table(object: JsonSchema): string {
  const rows = Object.entries(object.properties ?? {}).map(([key, schema]) => {
    const isRequired = object.required?.includes(key) ?? false;
    const value = schema.default === undefined ? (isRequired ? "required" : "") : code(schema.default);
    return `| \`${key}\` | ${formOf(schema)} | ${value} | ${(schema.description ?? "").replaceAll("|", "\\|")} |`;
  });
  return ["| key | form | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

/** What a value looks like, in a few words. */
function formOf(schema: JsonSchema): string {
  const { anyOf, enum: words, const: only, title, type, properties, items } = schema;
  if (words !== undefined) return words.map(code).join(", ");
  if (only !== undefined) return code(only);
  if (title !== undefined) return title;
  if (anyOf !== undefined) return [...new Set(anyOf.map(formOf))].join(" or ");
  if (type === "array") return `list of ${items?.type ?? "value"}s`;
  if (type === "object") return properties === undefined ? "mapping by name" : "mapping";
  return { string: "text", integer: "number", number: "number", boolean: "`true`, `false`" }[type ?? ""] ?? "value";
}

function code(value: unknown): string {
  return `\`${value}\``;
}

/** The schema itself, or the one of its alternatives that is a mapping. */
function objectOf(schema: JsonSchema | undefined): JsonSchema | undefined {
  return [schema, ...(schema?.anyOf ?? [])].find((each) => each?.type === "object");
}
