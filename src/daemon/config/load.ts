/** From a file and the environment to a value that the schema accepts. */
import { readFile } from "node:fs/promises";
import { LaresError } from "../../core/errors.ts";
import { type EnvironmentValue, environmentValues, overlay } from "./environment.ts";
import { parseConfigurationText } from "./formats.ts";
import { issuePath, type SchemaIssue, type StandardSchema } from "./standard-schema.ts";

export interface Source<Schema extends StandardSchema> {
  /** Any Standard Schema: zod 4 is what our examples use. Defaults belong there. */
  readonly schema: Schema;
  /** JSON, YAML or TOML, by its name. */
  readonly file?: string | undefined;
  /** Whether the file may be missing. Default false. */
  readonly optional?: boolean;
  /** `MYDAEMON_` lets `MYDAEMON_LOG_LEVEL` override `log_level`, and `MYDAEMON_HTTP__PORT` override `http.port`. */
  readonly envPrefix?: string | undefined;
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** @throws LaresError `invalid_configuration`, naming every key that is wrong. */
export async function loadConfiguration<Schema extends StandardSchema>(source: Source<Schema>): Promise<unknown> {
  const base = source.file === undefined ? {} : await readSource(source.file, source.optional ?? false);
  const values = source.envPrefix ? environmentValues(source.envPrefix, source.env ?? process.env) : [];
  const first = await validate(
    source.schema,
    overlay(base, values, () => false),
  );
  if (!first.issues) return first.value;
  // A variable that reads as a number may be meant as text: "007" for a name.
  const wrong = new Set(first.issues.map(issuePath));
  const second = await validate(
    source.schema,
    overlay(base, values, (value) => wrong.has(value.path.join("."))),
  );
  if (!second.issues) return second.value;
  throw explain({ source, issues: second.issues, values });
}

async function readSource(file: string, optional: boolean): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" && optional) return {};
    const reason = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "it may not be read" : code;
    throw new LaresError("invalid_configuration", `Cannot read "${file}": ${reason}`, {
      hint: "Create it, or name another with --config FILE.",
      cause,
    });
  }
  return parseConfigurationText(file, text);
}

async function validate(schema: StandardSchema, value: unknown) {
  return schema["~standard"].validate(value);
}

function explain(failure: {
  readonly source: Source<StandardSchema>;
  readonly issues: readonly SchemaIssue[];
  readonly values: readonly EnvironmentValue[];
}): LaresError {
  const { source, issues, values } = failure;
  const lines = issues.map((issue) => {
    const path = issuePath(issue);
    const variable = values.some((value) => value.path.join(".") === path)
      ? ` (from ${source.envPrefix}${path.replaceAll(".", "__").toUpperCase()})`
      : "";
    return path === "" ? issue.message : `${path}: ${issue.message}${variable}`;
  });
  const name = source.file === undefined ? "the configuration" : `"${source.file}"`;
  return new LaresError("invalid_configuration", `Cannot use ${name}: ${lines.join("; ")}`, {
    hint: "Correct these keys; the configuration in use stays until then.",
  });
}
