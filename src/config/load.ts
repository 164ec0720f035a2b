import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, extname, resolve } from "node:path";
import type { ServiceSpec } from "../core/spec.ts";
import { checkServices } from "./check-services.ts";
import { checkShape } from "./check-shape.ts";
import { type Diagnostic, diagnose, diagnosticOfFile, type Problem, type SourceDocument } from "./diagnostic.ts";
import { readEnvFiles } from "./env-files.ts";
import { normaliseService } from "./normalise.ts";
import { normaliseLogOfAll } from "./normalise-policies.ts";
import type { ConfigurationInput } from "./schema.ts";
import { substitute } from "./substitute.ts";
import { withoutNulls } from "./without-nulls.ts";

/** Services ready to be applied, or everything that is wrong with their file. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly specs: readonly ServiceSpec[];
      /** Absolute. */
      readonly path: string;
      /** Whether the file is to be applied again whenever it changes. */
      readonly watch: boolean;
      readonly warnings: readonly Diagnostic[];
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

type Environment = Readonly<Record<string, string | undefined>>;

/** What loading depends on besides the file. */
export interface LoadOptions {
  /** Replaces `${NAME}`; also the environment in which a module is evaluated. */
  readonly env: Environment;
  /** What `instances: max` means; this machine's by default. */
  readonly cores?: number;
}

/**
 * Reads a configuration file: YAML, JSON, TOML, or a TypeScript or JavaScript module with a default export.
 *
 * Never throws for what a user may have done wrong; every such thing is a diagnostic, as many as can be found at once.
 *
 * @example
 * const result = await loadConfiguration("lares.yaml", { env: process.env });
 * if (!result.ok) console.error(renderDiagnostics(result.diagnostics));
 */
export async function loadConfiguration(path: string, options: LoadOptions): Promise<LoadResult> {
  const file = resolve(path);
  const read = await readDocument(file, options.env);
  if (!read.ok) return read;
  const { document, problems } = read;
  const fail = (found: readonly Problem[]): LoadResult => {
    return { ok: false, diagnostics: inOrder(found.map((problem) => diagnose(document, problem))) };
  };
  if (problems.length > 0) return fail(problems);
  const empty = emptiness(document);
  if (empty !== undefined) return fail([empty]);
  const shape = await checkShape(withoutNulls(document.value));
  if (!shape.ok) return fail(shape.problems);
  const { specs, found } = await normaliseAll(shape.input, document, options.cores ?? availableParallelism());
  const isError = (problem: Problem): boolean => problem.severity !== "warning";
  if (found.some(isError)) return fail(found);
  const warnings = found.map((problem) => diagnose(document, problem));
  return { ok: true, specs, path: file, watch: shape.input.watch ?? false, warnings };
}

/** By place, so that a reader goes through the file once. */
function inOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

type ReadResult =
  | { readonly ok: true; readonly document: SourceDocument; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

async function readDocument(file: string, env: Environment): Promise<ReadResult> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => error);
  if (typeof text !== "string") return { ok: false, diagnostics: [unreadable(file, text)] };
  if (text.includes("\0")) return { ok: false, diagnostics: [diagnosticOfFile(file, "it is not text")] };
  const extension = extname(file);
  if ([".ts", ".mts", ".js", ".mjs"].includes(extension)) {
    const { readModule } = await import("./read-module.ts");
    // A module has its own means to read the environment, so a `${` in its strings is left alone.
    const read = await readModule(file, { text, env });
    return read.ok ? { ...read, problems: [] } : read;
  }
  const read = await readData(file, text);
  return read.ok ? { ok: true, ...substitute(read.document, env) } : read;
}

async function readData(file: string, text: string) {
  if (/\.(?:ya?ml|json)$/.test(file)) return (await import("./read-yaml.ts")).readYaml(file, text);
  if (file.endsWith(".toml")) return (await import("./read-toml.ts")).readToml(file, text);
  const hint = "Name it .yaml, .yml, .json, .toml, .ts, .js or .mjs.";
  return { ok: false, diagnostics: [diagnosticOfFile(file, `cannot tell the format from the name`, hint)] } as const;
}

function unreadable(file: string, error: NodeJS.ErrnoException): Diagnostic {
  if (error.code === "ENOENT") return diagnosticOfFile(file, "there is no such file");
  if (error.code === "EISDIR") return diagnosticOfFile(file, "it is a directory", "Name a file in it.");
  if (error.code === "EACCES") return diagnosticOfFile(file, "permission to read it is denied");
  return diagnosticOfFile(file, error.message);
}

function emptiness({ value }: SourceDocument): Problem | undefined {
  const hint = "Begin with `services:` and, below it, a name with a `command`.";
  if (value === null || value === undefined) return { path: [], message: "the file is empty", hint };
  const services = typeof value === "object" && "services" in value ? value.services : undefined;
  const isEmpty = services === null || (typeof services === "object" && Object.keys(services).length === 0);
  return isEmpty
    ? { path: ["services"], at: "key", message: "there are no services", hint: "Add one below it." }
    : undefined;
}

async function normaliseAll(
  { services, log }: ConfigurationInput,
  document: SourceDocument,
  cores: number,
): Promise<{ specs: readonly ServiceSpec[]; found: readonly Problem[] }> {
  const problems: Problem[] = [];
  const directory = dirname(document.file);
  const specs: ServiceSpec[] = [];
  for (const [name, input] of Object.entries(services)) {
    const path = ["services", name];
    const fileEnv = await readEnvFiles(input.env_file, { path, directory, problems });
    const spec = normaliseService(name, input, { document, path, directory, cores, fileEnv, problems });
    specs.push({ ...spec, log: { ...spec.log, ...normaliseLogOfAll(log) } });
  }
  const scheduled = specs.filter((spec) => spec.schedule !== undefined);
  if (scheduled.length > 0) {
    const { checkCron } = await import("./check-cron.ts");
    problems.push(...scheduled.flatMap(checkCron));
  }
  return { specs, found: [...problems, ...checkServices(specs)] };
}
