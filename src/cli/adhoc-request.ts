import { adhocSpec } from "../config/adhoc.ts";
import { renderDiagnostics } from "../config/render-diagnostic.ts";
import { LaresError } from "../core/errors.ts";
import type { ApplyRequest, ServiceSpec } from "../protocol/api.ts";
import type { Context } from "./command.ts";
import { isProgram } from "./program-lookup.ts";

/** The options of `start` that shape a new service. */
export interface AdhocValues {
  readonly name?: string;
  readonly instances?: string;
}

/**
 * Turns programs on a command line into a request that adds them as services.
 *
 * @throws LaresError `usage` when a name cannot be theirs, `no_such_service` when a target is neither service nor program.
 */
export async function adhocRequest(
  programs: readonly string[],
  { context, values }: { readonly context: Context; readonly values: AdhocValues },
): Promise<ApplyRequest> {
  if (values.name !== undefined && programs.length !== 1) {
    throw new LaresError("usage", `Cannot name ${programs.length} programs "${values.name}": a name is for one`, {
      hint: "Start one program at a time with `--name`.",
    });
  }
  const services: ServiceSpec[] = [];
  for (const target of programs) services.push(await adhocService(target, context.rest ?? [], values));
  return { services, source: null, dryRun: false };
}

async function adhocService(target: string, args: readonly string[], values: AdhocValues): Promise<ServiceSpec> {
  const { env } = process;
  const directory = process.cwd();
  const { name, instances } = values;
  if (!(await isProgram(target, { directory, path: env.PATH }))) throw notAProgram(target);
  const result = await adhocSpec({
    target,
    args,
    directory,
    env,
    ...(name === undefined ? {} : { name }),
    ...(instances === undefined ? {} : { instances: instancesOption(instances) }),
  });
  if (result.ok) return result.specs[0];
  throw new LaresError("usage", `Cannot start "${target}": it makes no service`, {
    hint: "See `lares start --help`.",
    cause: new Error(renderDiagnostics(result.diagnostics)),
  });
}

function instancesOption(text: string): number | "max" {
  if (text === "max") return text;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new LaresError("usage", `Cannot read --instances "${text}": it is not a number above zero`, {
    hint: "Write for example `-i 2`, or `-i max` for one per core.",
  });
}

function notAProgram(target: string): LaresError {
  return new LaresError("no_such_service", `Cannot start "${target}": it is neither a service nor a program`, {
    hint: "List the services with `lares ls`, or name a program file.",
  });
}
