import { jsonSchema } from "../../config/json-schema.ts";
import { loadConfiguration } from "../../config/load.ts";
import { renderDiagnostics } from "../../config/render-diagnostic.ts";
import { type Context, defineCommand } from "../command.ts";
import { requireConfiguration } from "../configuration.ts";

export const command = defineCommand({
  usage: "check [FILE] [--schema]",
  description: "Validates a configuration file and shows everything that is wrong with it. Needs no supervisor.",
  options: {
    file: {
      type: "string",
      short: "f",
      value: "FILE",
      help: "the configuration; else the home's lares.yaml, else ./lares.yaml",
    },
    schema: { type: "boolean", help: "print the JSON Schema of configuration files, for editors" },
  },
  examples: ["lares check", "lares check services.toml --json", "lares check --schema > lares.schema.json"],
  operands: "files",
  async run(context, values) {
    if (values.schema) {
      context.terminal.write(`${JSON.stringify(await jsonSchema(), null, 2)}\n`);
      return 0;
    }
    const named = values.file ?? context.operands[0];
    return check(await requireConfiguration(context.homes, { named, directory: process.cwd() }), context);
  },
});

async function check(path: string, { json, terminal }: Context): Promise<number> {
  const loaded = await loadConfiguration(path, { env: process.env });
  const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics;
  const services = loaded.ok ? loaded.specs.map(({ name }) => name) : [];
  if (json) {
    terminal.write(`${JSON.stringify({ ok: loaded.ok, path, services, diagnostics }, null, 1)}\n`);
  } else {
    const options = { color: terminal.color, relativeTo: process.cwd() };
    if (diagnostics.length > 0) process.stderr.write(`${renderDiagnostics(diagnostics, options)}\n`);
    if (loaded.ok) terminal.write(`${path} is valid: ${services.join(", ")}\n`);
  }
  return loaded.ok ? 0 : 2;
}
