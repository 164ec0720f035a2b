import type { Problem, SourceDocument } from "../../src/config/diagnostic.ts";
import { normaliseService } from "../../src/config/normalise.ts";
import { readYaml } from "../../src/config/read-yaml.ts";
import { configurationSchema } from "../../src/config/schema.ts";
import type { ServiceSpec } from "../../src/core/spec.ts";

/** A service as its configuration file would say it, in YAML's one-line form. `command: app` need not be written. */
export function specOf(name: string, text: string): ServiceSpec {
  const read = readYaml("scenario", `services: { ${name}: ${text.trim() || "{}"} }`);
  if (!read.ok) throw new Error(`${name}: ${read.diagnostics[0]?.message}`);
  const value = read.document.value as { services: Record<string, object> };
  const services = { [name]: { command: "app", ...value.services[name] } };
  const { services: inputs } = configurationSchema.parse({ services });
  const input = inputs[name];
  if (!input) throw new Error(`${name}: no input`);
  return normalised(name, { input, document: read.document });
}

type Input = Parameters<typeof normaliseService>[1];

function normalised(name: string, { input, document }: { input: Input; document: SourceDocument }): ServiceSpec {
  const problems: Problem[] = [];
  const path = ["services", name];
  const context = { document, path, directory: "/", cores: 4, fileEnv: {}, problems };
  const spec = normaliseService(name, input, context);
  const error = problems.find(({ severity }) => severity !== "warning");
  if (error) throw new Error(`${name}: ${error.message}`);
  return spec;
}
