import { loadConfiguration } from "../config/load.ts";
import { renderDiagnostics } from "../config/render-diagnostic.ts";
import { LaresError } from "../core/errors.ts";
import type { ApplyRequest } from "../protocol/api.ts";
import type { Context } from "./command.ts";

/**
 * Reads a configuration file into a request; warnings go to stderr.
 *
 * @throws LaresError `invalid_configuration`, after its diagnostics are on stderr.
 */
export async function loadRequest(path: string, context: Context): Promise<ApplyRequest> {
  const loaded = await loadConfiguration(path, { env: process.env });
  const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics;
  const options = { color: context.terminal.color, relativeTo: process.cwd() };
  if (diagnostics.length > 0 && !context.json) process.stderr.write(`${renderDiagnostics(diagnostics, options)}\n\n`);
  if (loaded.ok) return { services: loaded.specs, source: path, dryRun: false, watch: loaded.watch };
  const errors = loaded.diagnostics.filter(({ severity }) => severity === "error");
  throw new LaresError("invalid_configuration", `Cannot use configuration "${path}": it has ${count(errors.length)}`, {
    hint: "Correct it, and try it with `lares check` before you apply it.",
    ...(context.json && errors.length > 0 ? { cause: new Error(renderDiagnostics(errors)) } : {}),
  });
}

function count(errors: number): string {
  return errors === 1 ? "one error" : `${errors} errors`;
}
